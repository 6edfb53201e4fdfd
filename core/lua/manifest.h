/* Manifest - the records of a journal, one process's at a time (core/shuffle/manifest.h).
 *
 *     manifest = core.manifest(path, only_read)   nil, message, errno when it cannot be had
 *     manifest:next()                             name, body of the next record; nil: no more
 *     manifest:append(name, body)                 true, or nil, message, errno
 *     manifest:clear()                            what is appended next begins it anew
 *     manifest:close()                            also when it is collected */
#ifndef PARALLEL_LUA_LUA_MANIFEST_H
#define PARALLEL_LUA_LUA_MANIFEST_H

#include "core/lua/compat.h"

void manifest_register(lua_State *L);

#endif
