/* File - a file by its name. What is written is for its owner alone (0600).
 *
 *     file = core.file(path, how)   "append": lines are added to it; "renew": likewise, and it is
 *                                   made anew; "create": it is not there yet; "read": only that,
 *                                   of a folder too; none of these is a symbolic link
 *                                   "stream": what is read once, such as a pipe that is to be
 *                                   polled until somebody writes to it
 *     file:fd()                     its descriptor, good until it is closed
 *     file:sync()                   what was written, or is listed in the folder, outlives a
 *                                   power cut
 *     file:close()                  also when it is collected
 *
 *     core.sync(fd)                 the same of a descriptor
 *     core.unlink(path)
 *
 * What the system refuses comes back as nil, message, errno. */
#ifndef PARALLEL_LUA_LUA_FILE_H
#define PARALLEL_LUA_LUA_FILE_H

#include "core/lua/compat.h"

void file_register(lua_State *L);

#endif
