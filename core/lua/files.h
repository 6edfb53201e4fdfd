/* Files - what a job needs to know of its inputs before it reads them. */
#ifndef PARALLEL_LUA_LUA_FILES_H
#define PARALLEL_LUA_LUA_FILES_H

#include "core/lua/compat.h"

/* core.stat(path, of_link) -> "file" | "directory" | "other", size, mtime in seconds
 *     A file or directory that may not be read is an error too. Others (pipes,
 *     terminals, devices) are not opened: to open a pipe and close it again
 *     would end the program that writes to it. With of_link a symbolic link is itself
 *     such another.
 *
 * core.list(directory) -> the names in it, sorted by their bytes, without "." and ".."
 *
 * Both return nil, "cannot open 'PATH': REASON", errno when they fail. */
void files_register(lua_State *L);

#endif
