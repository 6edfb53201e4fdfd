#include "core/lua/library.h"

#include <string.h>

static const char NAMES; // its address is the key of the table of names in the registry

enum { DEEPEST_FUNCTION = 2 }; // keys from a module to its functions

static void push_loaded(lua_State *L) {
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
}

static size_t count_modules(lua_State *L) {
    size_t count = 0;
    push_loaded(L);
    lua_pushnil(L);
    for (; lua_next(L, -2); count++) lua_pop(L, 1);
    lua_pop(L, 1);
    return count;
}

// names[value] = prefix .. "\0" .. key
static void name_value(lua_State *L, int names, int value, int prefix, int key) {
    lua_pushvalue(L, value);
    lua_pushvalue(L, prefix);
    lua_pushlstring(L, "\0", 1);
    lua_pushvalue(L, key);
    lua_concat(L, 3);
    lua_rawset(L, names);
}

static bool is_key(lua_State *L, int index) {
    if (lua_type(L, index) != LUA_TSTRING) return false;
    size_t size;
    const char *key = lua_tolstring(L, index, &size);
    return strlen(key) == size;
}

static bool has_name(lua_State *L, int names, int value) {
    lua_pushvalue(L, value);
    bool known = lua_rawget(L, names) != LUA_TNIL;
    lua_pop(L, 1);
    return known;
}

// Names the functions in the table at this index, whose own name is at `prefix`.
static void name_functions(lua_State *L, int names, int table, int prefix, bool ours, int depth) {
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    lua_pushnil(L);
    while (lua_next(L, table)) {
        int value = lua_gettop(L), key = value - 1;
        bool found = is_key(L, key) && !has_name(L, names, value);
        if (found && lua_type(L, value) == LUA_TFUNCTION && (!ours || lua_iscfunction(L, value))) {
            name_value(L, names, value, prefix, key);
        } else if (found && lua_type(L, value) == LUA_TTABLE && depth < DEEPEST_FUNCTION) {
            lua_pushvalue(L, prefix);
            lua_pushlstring(L, "\0", 1);
            lua_pushvalue(L, key);
            lua_concat(L, 3);
            name_functions(L, names, value, value + 1, ours, depth + 1);
        }
        lua_settop(L, key);
    }
}

static bool is_module(lua_State *L, int key) {
    return is_key(L, key) && lua_type(L, key + 1) == LUA_TTABLE;
}

// Fills the table of names at this index: first the modules, so that one that
// stands in another keeps its own name, then their functions.
static void name_all(lua_State *L, int names) {
    push_loaded(L);
    int loaded = lua_gettop(L), key = loaded + 1, module = loaded + 2;
    lua_pushnil(L);
    for (; lua_next(L, loaded); lua_settop(L, key)) {
        if (!is_module(L, key)) continue;
        lua_pushvalue(L, module);
        lua_pushvalue(L, key);
        lua_rawset(L, names);
    }
    lua_pushnil(L);
    for (; lua_next(L, loaded); lua_settop(L, key)) {
        if (!is_module(L, key)) continue;
        bool ours = strcmp(lua_tostring(L, key), "_G") == 0;
        name_functions(L, names, module, key, ours, 1);
    }
    lua_settop(L, loaded - 1);
}

// Pushes the table of names, made anew when modules came or went.
static void push_names(lua_State *L) {
    lua_Integer count = (lua_Integer)count_modules(L);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &NAMES) == LUA_TTABLE) {
        lua_rawgeti(L, -1, 1);
        bool fresh = lua_tointeger(L, -1) == count;
        lua_pop(L, 1);
        if (fresh) return;
    }
    lua_pop(L, 1);
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k"); // must not keep unloaded functions alive
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    name_all(L, lua_gettop(L));
    lua_pushinteger(L, count);
    lua_rawseti(L, -2, 1);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &NAMES);
}

bool library_push_name(lua_State *L, int index) {
    index = lua_absindex(L, index);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    push_names(L);
    lua_pushvalue(L, index);
    bool known = lua_rawget(L, -2) != LUA_TNIL;
    lua_remove(L, -2);
    if (!known) lua_pop(L, 1);
    return known;
}

static void missing(lua_State *L, const char *name, size_t size) {
    lua_pushstring(L, name); // up to the first "\0", the module
    for (const char *key = name + strlen(name) + 1; key <= name + size; key += strlen(key) + 1)
        lua_pushfstring(L, "%s.%s", lua_tostring(L, -1), key);
    luaL_error(L, "%s is missing in this process", lua_tostring(L, -1));
}

static void push_module(lua_State *L, const char *module) {
    push_loaded(L);
    lua_getfield(L, -1, module);
    lua_remove(L, -2);
    if (lua_type(L, -1) == LUA_TTABLE) return;
    lua_pop(L, 1);
    lua_getglobal(L, "require");
    lua_pushstring(L, module);
    lua_call(L, 1, 1);
}

void library_push(lua_State *L, const char *name, size_t size) {
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    push_module(L, name);
    for (const char *key = name + strlen(name) + 1; key <= name + size; key += strlen(key) + 1) {
        if (lua_type(L, -1) != LUA_TTABLE) missing(L, name, size);
        lua_getfield(L, -1, key); // not raw: modules like ours load their parts when asked for
        lua_remove(L, -2);
    }
    if (lua_type(L, -1) != LUA_TTABLE && lua_type(L, -1) != LUA_TFUNCTION) missing(L, name, size);
}

void library_renew(lua_State *L) {
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &NAMES);
}
