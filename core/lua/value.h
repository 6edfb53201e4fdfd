/* Value - Lua values as value bytes (core/shuffle/ordered.h), and back.
 *
 * Booleans, numbers, strings and lists of them become bytes that have an
 * order; any other table becomes what the codec makes of it. */
#ifndef PARALLEL_LUA_LUA_VALUE_H
#define PARALLEL_LUA_LUA_VALUE_H

#include <stdbool.h>

#include "core/lua/compat.h"
#include "core/wire/buffer.h"

/* Appends the value at the index. Raises "cannot send nil",
 * "cannot emit value: " and what the codec says, or "not enough memory". `to` must belong to a
 * userdata. */
void value_encode(lua_State *L, int index, Buffer *to);

/* The same for a key: a string, a number, a boolean or a list of them, a float
 * with the value of an integer becoming that integer. Raises "cannot emit key: ...". */
void key_encode(lua_State *L, int index, Buffer *to);

/* Pushes the value; raises for damaged bytes. */
void value_push(lua_State *L, const char *bytes, size_t size);

/* How a key is named in messages; the string stands on the stack. */
const char *key_describe(lua_State *L, const char *bytes, size_t size);

/* Raises the error that errno tells of: "not enough memory", or "WHAT: reason". */
int value_error(lua_State *L, const char *what);

#endif
