/* Scratch - a file without a name, for runs and outputs: gone with the last process that has it
 * open.
 *
 *     scratch = core.scratch()            in memory
 *     scratch = core.scratch(directory)   on the disk of that directory
 *     scratch:fd()                        its descriptor, good until it is closed
 *     scratch:size()
 *     scratch:clear()                     makes it empty again
 *     scratch:close()                     also when it is collected; elsewhere than in the process
 *                                         that made it, nothing is closed
 *
 * What the system refuses comes back as nil, message, errno. */
#ifndef PARALLEL_LUA_LUA_SCRATCH_H
#define PARALLEL_LUA_LUA_SCRATCH_H

#include "core/lua/compat.h"

void scratch_register(lua_State *L);

#endif
