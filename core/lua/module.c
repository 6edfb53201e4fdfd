#include "core/lua/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/lua/core.h"

// core.origin: the file in which this code lies, module or program; nil when it is not known.
// Found when the module is loaded, since a path may be relative to where we are then.
static void set_origin(lua_State *L) {
    Dl_info info;
    char path[PATH_MAX];
    if (!dladdr(EMBEDDED_MODULES, &info) || !realpath(info.dli_fname, path)) return;
    lua_pushstring(L, path);
    lua_setfield(L, -2, "origin");
}

// As luaopen_parallel_core, for this one file that all is in.
static int open_core(lua_State *L) {
    luaopen_parallel_core(L);
    set_origin(L);
    return 1;
}

// Lua calls this for `require(name)`; upvalue 1 is the embedded module.
static int load_embedded(lua_State *L) {
    const EmbeddedModule *module = lua_touserdata(L, lua_upvalueindex(1));
    if (luaL_loadbuffer(L, module->bytes, module->size, module->chunk) != 0) return lua_error(L);
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

static void preload_one(lua_State *L, const EmbeddedModule *module) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)module);
    lua_pushcclosure(L, load_embedded, 1);
    lua_setfield(L, -2, module->name);
}

void module_preload(lua_State *L) {
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, open_core);
    lua_setfield(L, -2, "parallel.core");
    for (const EmbeddedModule *m = EMBEDDED_MODULES; m->name; m++) preload_one(L, m);
    lua_pop(L, 2);
}

static const EmbeddedModule *find(const char *name) {
    const EmbeddedModule *m = EMBEDDED_MODULES;
    while (m->name && strcmp(m->name, name) != 0) m++;
    return m->name ? m : NULL;
}

bool module_load(lua_State *L, const char *name) {
    if (!find(name)) return false;
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    lua_getglobal(L, "require");
    lua_pushstring(L, name);
    lua_call(L, 1, 0);
    return true;
}

// Not by require, which is at this name already.
__attribute__((visibility("default"))) int luaopen_parallel(lua_State *L) {
    const EmbeddedModule *entry = find("parallel");
    if (!entry) return luaL_error(L, "this build has no Lua files in it");
    module_preload(L);
    lua_pushlightuserdata(L, (void *)(uintptr_t)entry);
    lua_pushcclosure(L, load_embedded, 1);
    lua_pushliteral(L, "parallel");
    lua_call(L, 1, 1);
    return 1;
}
