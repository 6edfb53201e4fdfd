#include "spec/fuzz/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/lua/core.h"

enum { TARGET = 1 }; // where the function stands on the stack

static const char CODES; // its address is the key in the registry

// Pushes the code that stands for these bytes; false when there is none.
static int push_code(lua_State *L, const char *bytes, size_t size) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &CODES) != LUA_TTABLE) return 0;
    if (size == 0) return 0;
    int count = (int)lua_rawlen(L, -1);
    lua_rawgeti(L, -1, (unsigned char)*bytes % count + 1);
    return 1;
}

// The linker puts these in the place of luaL_loadbufferx (see the Makefile).
int __real_luaL_loadbufferx(lua_State *L, const char *bytes, size_t size, const char *name,
                            const char *mode);
int __wrap_luaL_loadbufferx(lua_State *L, const char *bytes, size_t size, const char *name,
                            const char *mode);

int __wrap_luaL_loadbufferx(lua_State *L, const char *bytes, size_t size, const char *name,
                            const char *mode) {
    int top = lua_gettop(L);
    int binary = mode && strcmp(mode, "b") == 0;
    if (binary && push_code(L, bytes, size)) bytes = lua_tolstring(L, -1, &size);
    int status = __real_luaL_loadbufferx(L, bytes, size, name, mode);
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
    return status;
}

static int fuzz_codes(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &CODES);
    return 0;
}

static int traceback(lua_State *L) {
    luaL_tolstring(L, 1, NULL);
    luaL_traceback(L, L, lua_tostring(L, -1), 1);
    return 1;
}

static void push_fuzz(lua_State *L) {
    lua_newtable(L);
    luaopen_parallel_core(L);
    lua_setfield(L, -2, "core");
    lua_pushcfunction(L, fuzz_codes);
    lua_setfield(L, -2, "codes");
    lua_pushcfunction(L, frames_fuzz);
    lua_setfield(L, -2, "frames");
    lua_pushcfunction(L, handshake_fuzz);
    lua_setfield(L, -2, "handshake");
}

lua_State *driver_open(const char *target) {
    lua_State *L = luaL_newstate();
    if (!L) abort();
    luaL_openlibs(L);
    push_fuzz(L);
    lua_setglobal(L, "fuzz");
    lua_pushfstring(L, "spec/fuzz/targets/%s.lua", target);
    if (luaL_loadfile(L, lua_tostring(L, -1)) != 0 || lua_pcall(L, 0, 1, 0) != 0) {
        fprintf(stderr, "fuzz: %s\n", lua_tostring(L, -1));
        exit(2);
    }
    lua_replace(L, TARGET);
    return L;
}

void driver_run(lua_State *L, const char *bytes, size_t size) {
    lua_settop(L, TARGET);
    lua_pushcfunction(L, traceback);
    lua_pushvalue(L, TARGET);
    lua_pushlstring(L, bytes, size);
    if (lua_pcall(L, 1, 0, TARGET + 1) != 0) {
        fprintf(stderr, "fuzz: %s\n", lua_tostring(L, -1));
        abort();
    }
    lua_settop(L, TARGET);
    lua_gc(L, LUA_GCCOLLECT, 0); // what the input broke shall show now, not many inputs later
}
