#include "core/lua/list.h"

#include <limits.h>

static int core_slice(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer first = luaL_checkinteger(L, 2), count = luaL_checkinteger(L, 3) - first + 1;
    luaL_argcheck(L, count <= INT_MAX, 3, "too many items");
    if (count < 0) count = 0;
    lua_createtable(L, (int)count, 1);
    for (lua_Integer i = 0; i < count; i++) {
        lua_rawgeti(L, 1, first + i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushinteger(L, count);
    lua_setfield(L, -2, "n");
    return 1;
}

static int core_empty_list(lua_State *L) {
    size_t count = lua_istable(L, 1) ? lua_rawlen(L, 1) : 0;
    lua_createtable(L, count <= INT_MAX ? (int)count : 0, 1);
    lua_pushinteger(L, 0);
    lua_setfield(L, -2, "n");
    return 1;
}

void list_register(lua_State *L) {
    lua_pushcfunction(L, core_empty_list);
    lua_setfield(L, -2, "empty_list");
    lua_pushcfunction(L, core_slice);
    lua_setfield(L, -2, "slice");
}
