/* Library - functions and modules by name: those of the standard library and
 * of whatever else was required need not travel, since the receiver has its own.
 *
 * A name is the module's name in package.loaded, then the keys that lead from
 * the module to the function, each after a "\0". A module by itself has a name
 * too. Lua functions among the globals have none: they are the script's own,
 * and the receiver may have others by that name. */
#ifndef PARALLEL_LUA_LUA_LIBRARY_H
#define PARALLEL_LUA_LUA_LIBRARY_H

#include <stdbool.h>

#include "core/lua/compat.h"

/* Pushes the name of the function or module at this index; false, and nothing
 * pushed, when it has none. */
bool library_push_name(lua_State *L, int index);

/* Pushes what has this name here, requiring the module if need be. Raises
 * "MODULE.KEY is missing in this process" when there is nothing. */
void library_push(lua_State *L, const char *name, size_t size);

/* A function of the library was replaced by another, which has the name from now on. */
void library_renew(lua_State *L);

#endif
