#include "core/lua/types.h"

#include "core/lua/module.h"

// Its address is the key in the registry of the table that leads from names
// and from metatables to types.
static const char TYPES;

bool types_any(lua_State *L) {
    bool any = lua_rawgetp(L, LUA_REGISTRYINDEX, &TYPES) == LUA_TTABLE;
    lua_pop(L, 1);
    return any;
}

static bool push_type(lua_State *L, int key) {
    key = lua_absindex(L, key);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &TYPES) == LUA_TTABLE) {
        lua_pushvalue(L, key);
        lua_rawget(L, -2);
        lua_remove(L, -2);
        if (lua_type(L, -1) == LUA_TTABLE) return true;
    }
    lua_pop(L, 1);
    return false;
}

bool types_push_by(lua_State *L, int metatable) {
    return push_type(L, metatable);
}

bool types_push_of(lua_State *L, int index) {
    if (!lua_getmetatable(L, index)) return false;
    bool known = push_type(L, -1);
    lua_remove(L, known ? -2 : -1);
    return known;
}

bool types_push_named(lua_State *L, int name) {
    name = lua_absindex(L, name);
    return push_type(L, name) || (module_load(L, lua_tostring(L, name)) && push_type(L, name));
}

static void push_types(lua_State *L) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &TYPES) == LUA_TTABLE) return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &TYPES);
}

// type[field] = options.name, which is a function or nil
static void set_option(lua_State *L, int type, int field, const char *name) {
    if (lua_getfield(L, 3, name) != LUA_TNIL && lua_type(L, -1) != LUA_TFUNCTION)
        luaL_error(L, "bad argument #3 to 'register_type' (field '%s' must be a function, got %s)",
                   name, luaL_typename(L, -1));
    lua_rawseti(L, type, field);
}

// core.register_type(name, metatable, options)
static int core_register_type(lua_State *L) {
    luaL_checktype(L, 1, LUA_TSTRING);
    luaL_checktype(L, 2, LUA_TTABLE);
    if (lua_isnoneornil(L, 3)) {
        lua_settop(L, 2);
        lua_newtable(L);
    }
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_settop(L, 3);
    push_types(L);
    lua_createtable(L, TYPE_LOAD, 0);
    lua_pushvalue(L, 1);
    lua_rawseti(L, 5, TYPE_NAME);
    lua_pushvalue(L, 2);
    lua_rawseti(L, 5, TYPE_METATABLE);
    set_option(L, 5, TYPE_DUMP, "dump");
    set_option(L, 5, TYPE_LOAD, "load");
    for (int key = 1; key <= 2; key++) {
        lua_pushvalue(L, key);
        lua_pushvalue(L, 5);
        lua_rawset(L, 4);
    }
    return 0;
}

// core.has_type(value): is its metatable registered?
static int core_has_type(lua_State *L) {
    luaL_checkany(L, 1);
    lua_pushboolean(L, types_push_of(L, 1));
    return 1;
}

void types_register(lua_State *L) {
    lua_pushcfunction(L, core_has_type);
    lua_setfield(L, -2, "has_type");
    lua_pushcfunction(L, core_register_type);
    lua_setfield(L, -2, "register_type");
}
