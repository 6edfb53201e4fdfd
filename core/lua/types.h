/* Types - metatables that values keep when they cross to another process, by
 * names that both ends have registered:
 *
 *     core.register_type(name, metatable, {dump = function, load = function})
 *
 * dump(value) returns what is sent in its place, load(that) makes the value
 * again. Without dump a table is sent as it is; without load the metatable is
 * set on the table that arrives. Both are optional, but for userdata needed.
 * The metatable itself, where a function captures it, is that of the receiver.
 * core.has_type(value) says whether the value's metatable is registered.
 *
 * A type of the library's own is named after the Lua file that registers it, so that who is
 * sent one can load it. */
#ifndef PARALLEL_LUA_LUA_TYPES_H
#define PARALLEL_LUA_LUA_TYPES_H

#include <stdbool.h>

#include "core/lua/compat.h"

/* The fields of a registered type, as a list. */
enum { TYPE_NAME = 1, TYPE_METATABLE, TYPE_DUMP, TYPE_LOAD };

/* False while no type was ever registered in this state. */
bool types_any(lua_State *L);

/* Pushes the type that the value at this index has by its metatable; false,
 * and nothing pushed, when that is not registered. */
bool types_push_of(lua_State *L, int index);

/* The same by the metatable itself, at this index. */
bool types_push_by(lua_State *L, int metatable);

/* Pushes the type of this name (a string on the stack), for which one of the library's own files
 * may be loaded; false and nothing pushed when there is none. */
bool types_push_named(lua_State *L, int name);

void types_register(lua_State *L);

#endif
