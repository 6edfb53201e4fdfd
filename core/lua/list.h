/* List - what Lua would take long for.
 *
 *     core.empty_list(items)         {n = 0}, with room for as many as this list has
 *     core.slice(list, first, last)   its items from first to last as a list with field n;
 *                                     no metamethod is called */
#ifndef PARALLEL_LUA_LUA_LIST_H
#define PARALLEL_LUA_LUA_LIST_H

#include "core/lua/compat.h"

void list_register(lua_State *L);

#endif
