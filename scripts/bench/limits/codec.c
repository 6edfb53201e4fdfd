/* What a codec in C cannot be faster than: a module with the bare walk over a
 * value through Lua's C API, and the bare making of another like it.
 *
 *     walk(value)   how many scalars and tables there are in it
 *     copy(value)   the value anew, as a decoder would make it: it walks too,
 *                   so a decoder's limit is the time of copy less that of walk */
#include <lauxlib.h>
#include <lua.h>

static lua_Integer walk(lua_State *L, int value) {
    if (lua_type(L, value) != LUA_TTABLE) return 1;
    lua_Integer count = 1;
    luaL_checkstack(L, 4, "too deep");
    lua_pushnil(L);
    while (lua_next(L, value)) {
        int top = lua_gettop(L);
        count += walk(L, top - 1) + walk(L, top);
        lua_pop(L, 1);
    }
    return count;
}

static int limit_walk(lua_State *L) {
    lua_settop(L, 1);
    lua_pushinteger(L, walk(L, 1));
    return 1;
}

static void push_copy(lua_State *L, int value);

// The sizes are told beforehand, as a message tells them to its decoder.
static void push_table(lua_State *L, int table) {
#if LUA_VERSION_NUM < 502
    int items = (int)lua_objlen(L, table);
#else
    int items = (int)lua_rawlen(L, table);
#endif
    int pairs = 0;
    if (items == 0)
        for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) pairs++;
    lua_createtable(L, items, pairs);
    int copy = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pushvalue(L, copy + 1);
        push_copy(L, copy + 2);
        lua_rawset(L, copy);
        lua_settop(L, copy + 1);
    }
}

static void push_copy(lua_State *L, int value) {
    luaL_checkstack(L, 8, "too deep");
    size_t size;
    const char *bytes;
    switch (lua_type(L, value)) {
    case LUA_TTABLE: push_table(L, value); break;
    case LUA_TSTRING:
        bytes = lua_tolstring(L, value, &size);
        lua_pushlstring(L, bytes, size);
        break;
    default: lua_pushvalue(L, value);
    }
}

static int limit_copy(lua_State *L) {
    lua_settop(L, 1);
    push_copy(L, 1);
    return 1;
}

int luaopen_codec_limit(lua_State *L);

int luaopen_codec_limit(lua_State *L) {
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, limit_walk);
    lua_setfield(L, -2, "walk");
    lua_pushcfunction(L, limit_copy);
    lua_setfield(L, -2, "copy");
    return 1;
}
