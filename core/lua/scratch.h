/* Scratch - a file without a name, for runs and outputs: gone with the last process that has it
 * open.
 *
 *     scratch = core.scratch()            in memory
 *     scratch = core.scratch(directory)   on the disk of that directory
 *     scratch:fd()                        its descriptor, good until it is closed
 *     scratch:size()
 *     scratch:clear()                     makes it empty again
 *     scratch:copy(offset, length, fd)    writes a part of it to a descriptor: true, or
 *                                         nil, message, errno
 *     scratch:release(offset, length)     gives the memory of a part back, which then reads as
 * zeros scratch:close()                     also when it is collected; elsewhere than in the
 * process that made it, nothing is closed
 *
 * What the system refuses comes back as nil, message, errno. */
#ifndef PARALLEL_LUA_LUA_SCRATCH_H
#define PARALLEL_LUA_LUA_SCRATCH_H

#include "core/lua/compat.h"

void scratch_register(lua_State *L);

#endif
