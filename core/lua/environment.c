#include "core/lua/environment.h"

static bool is_globals(lua_State *L, int index) {
    index = lua_absindex(L, index);
    lua_pushglobaltable(L);
    bool same = lua_rawequal(L, index, -1);
    lua_pop(L, 1);
    return same;
}

EnvironmentKind environment_kind(lua_State *L, int index) {
    if (is_globals(L, index)) return ENVIRONMENT_GLOBALS;
    if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index)) return ENVIRONMENT_OWN;
    lua_pushliteral(L, "__index");
    lua_rawget(L, -2);
    bool over = is_globals(L, -1);
    lua_pop(L, 2);
    return over ? ENVIRONMENT_OVER : ENVIRONMENT_GLOBALS;
}

void environment_put_over(lua_State *L) {
    lua_createtable(L, 0, 1);
    lua_pushglobaltable(L);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

#if LUA_VERSION_NUM < 502

bool environment_push_apart(lua_State *L, int function) {
    lua_getfenv(L, function);
    if (environment_kind(L, lua_gettop(L)) != ENVIRONMENT_GLOBALS) return true;
    lua_pop(L, 1);
    return false;
}

void environment_set_apart(lua_State *L) {
    lua_setfenv(L, -2);
}

#else

bool environment_push_apart(lua_State *L, int function) {
    (void)L, (void)function;
    return false;
}

void environment_set_apart(lua_State *L) {
    lua_pop(L, 1);
}

#endif
