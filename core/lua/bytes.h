/* Bytes - a message on its way through Lua: a string, or when it is large a userdata that
 * holds a bulk (core/wire/bulk.h), which is passed on without copying it.
 *
 * Functions of the core that say they take Bytes take either. */
#ifndef PARALLEL_LUA_LUA_BYTES_H
#define PARALLEL_LUA_LUA_BYTES_H

#include "core/lua/compat.h"
#include "core/wire/bulk.h"

enum { BYTES_LARGE = 64 << 10 }; // from this size on they are no string

/* Pushes a userdata that holds a bulk of no bytes yet: the caller puts them into the buffer. */
Buffer *bytes_new(lua_State *L);

/* The one on top has its bytes: it becomes a string, unless they are many. */
void bytes_finish(lua_State *L);

/* Pushes a userdata that holds this bulk too. */
void bytes_push(lua_State *L, Bulk *bulk);

/* Those at this index, or raises; good as long as they are not released. */
const char *bytes_check(lua_State *L, int index, size_t *size);

/* The bulk of those at this index, which they hold; NULL when they are a string, or nil. */
Bulk *bytes_bulk(lua_State *L, int index);

/* Those at this index are not needed any more; they have no bytes then, unless they are a string.
 */
void bytes_release(lua_State *L, int index);

void bytes_register(lua_State *L);

#endif
