/* File - a file by its name, which is for its owner alone (0600) and never a symbolic link.
 *
 *     file = core.file(path, how)   "append": lines are added to it; "renew": likewise, and it is
 *                                   made anew; "create": it is not there yet; "read": only that,
 *                                   of a folder too
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
