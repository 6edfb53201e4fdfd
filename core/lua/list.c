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

void list_register(lua_State *L) {
    lua_pushcfunction(L, core_slice);
    lua_setfield(L, -2, "slice");
}
