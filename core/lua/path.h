/* Path - where within some values another one is, as one would write it in Lua:
 *
 *     hooks[1]      list["odd key"].x      [2].a (in the second of several values)
 *     (key).x       in a table that is a key
 *     f(upvalue x)  in an upvalue of a function
 *
 * Meant for error messages: looks through everything to find the shortest way. */
#ifndef PARALLEL_LUA_LUA_PATH_H
#define PARALLEL_LUA_LUA_PATH_H

#include <stdbool.h>

#include "core/lua/compat.h"

/* Looks for the value at index `goal` in the `count` values from index `first`
 * on. Pushes its path and returns true; pushes nothing and returns false when
 * it is the only value itself, or not to be found. */
bool path_push(lua_State *L, int first, int count, int goal);

#endif
