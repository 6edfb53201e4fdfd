/* Compat - what Lua 5.4 has and LuaJIT 2.1 lacks, so that all other files are
 * written to the 5.4 API and know of one Lua only. */
#ifndef PARALLEL_LUA_LUA_COMPAT_H
#define PARALLEL_LUA_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

// These never return: told so, compilers and analysers follow the paths that there are.
int luaL_error(lua_State *L, const char *format, ...) __attribute__((noreturn));
int luaL_argerror(lua_State *L, int arg, const char *message) __attribute__((noreturn));
int lua_error(lua_State *L) __attribute__((noreturn));

#if LUA_VERSION_NUM < 504

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#define lua_rawlen lua_objlen

static inline void *lua_newuserdatauv(lua_State *L, size_t size, int values) {
    (void)values; // user values are not used: LuaJIT has but one, and of another kind
    return lua_newuserdata(L, size);
}

static inline int lua_absindex(lua_State *L, int index) {
    return index > 0 || index <= LUA_REGISTRYINDEX ? index : lua_gettop(L) + index + 1;
}

static inline void lua_rawgetp_(lua_State *L, int index, const void *key) {
    index = lua_absindex(L, index);
    lua_pushlightuserdata(L, (void *)(uintptr_t)key);
    lua_rawget(L, index);
}

static inline void lua_rawsetp(lua_State *L, int index, const void *key) {
    index = lua_absindex(L, index);
    lua_pushlightuserdata(L, (void *)(uintptr_t)key);
    lua_insert(L, -2);
    lua_rawset(L, index);
}

#define lua_pushglobaltable(L) lua_pushvalue(L, LUA_GLOBALSINDEX)

// In 5.4 debug information can be left out; LuaJIT always writes it.
#define lua_dump(L, writer, context, strip) ((lua_dump)(L, writer, context))

// In 5.4 integer keys have 64 bits, and these return the type of what they push.
#define lua_rawseti(L, index, n)   (lua_rawseti)(L, index, (int)(n))
#define lua_rawgetp(L, index, key) (lua_rawgetp_(L, index, key), lua_type(L, -1))
#define lua_rawgeti(L, index, n)   ((lua_rawgeti)(L, index, (int)(n)), lua_type(L, -1))
#define lua_rawget(L, index)       ((lua_rawget)(L, index), lua_type(L, -1))
#define lua_getfield(L, index, k)  ((lua_getfield)(L, index, k), lua_type(L, -1))

static inline const char *luaL_tolstring(lua_State *L, int index, size_t *size) {
    index = lua_absindex(L, index);
    if (luaL_callmeta(L, index, "__tostring")) {
        if (!lua_isstring(L, -1)) luaL_error(L, "'__tostring' must return a string");
        return lua_tolstring(L, -1, size);
    }
    switch (lua_type(L, index)) {
    case LUA_TNIL: lua_pushliteral(L, "nil"); break;
    case LUA_TBOOLEAN: lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false"); break;
    case LUA_TNUMBER:
    case LUA_TSTRING: lua_pushvalue(L, index); break;
    default: lua_pushfstring(L, "%s: %p", luaL_typename(L, index), lua_topointer(L, index));
    }
    return lua_tolstring(L, -1, size);
}

// A number is an integer when it has an integral value that a double holds
// exactly. -0.0 is not: it would come back as another number.
static inline int lua_isinteger(lua_State *L, int index) {
    if (lua_type(L, index) != LUA_TNUMBER) return 0;
    lua_Number n = lua_tonumber(L, index);
    return n == floor(n) && fabs(n) <= 9007199254740992.0 && !(n == 0 && signbit(n));
}

// Whether the function would see its n-th argument.
// lua_getinfo does not tell the number of parameters here; debug.getinfo does.
static inline int lua_takes(lua_State *L, int function, int n) {
    int top = lua_gettop(L), takes = 1;
    lua_pushvalue(L, function);
    (lua_getfield)(L, LUA_REGISTRYINDEX, "_LOADED");
    (lua_getfield)(L, -1, "debug");
    if (lua_type(L, -1) == LUA_TTABLE) {
        (lua_getfield)(L, -1, "getinfo");
        lua_pushvalue(L, top + 1);
        lua_pushliteral(L, "u");
        lua_call(L, 2, 1);
        (lua_getfield)(L, -1, "nparams");
        (lua_getfield)(L, -2, "isvararg");
        takes = lua_toboolean(L, -1) || lua_tointeger(L, -2) >= n;
    }
    lua_settop(L, top);
    return takes;
}

#else

static inline int lua_takes(lua_State *L, int function, int n) {
    lua_Debug info;
    lua_pushvalue(L, function);
    lua_getinfo(L, ">u", &info);
    return info.isvararg || info.nparams >= n;
}

#endif
#endif
