/* What the codec's specs need: a Lua that runs out of memory on purpose. */
#include "core/lua/testing_codec.h"

#include <stdbool.h>
#include <stdint.h>

#include "core/lua/codec.h"

#if LUA_VERSION_NUM < 504
#include <luajit.h>
#endif

typedef struct {
    lua_Alloc allocate; // the one that was there before
    void *context;
    lua_Integer left; // allocations that succeed
    lua_Integer fail; // those that fail then
} Famine;

// Lua 5.4 tries once more, when it has collected garbage.
enum { TRIES = LUA_VERSION_NUM < 504 ? 1 : 2 };

static void *famine_allocate(void *context, void *block, size_t old, size_t size) {
    Famine *famine = context;
    // Lua counts on giving back and shrinking to succeed.
    bool more = size > 0 && (!block || size > old);
    if (more && famine->left-- <= 0 && famine->fail-- > 0) return NULL;
    return famine->allocate(famine->context, block, old, size);
}

// LuaJIT of before June 2023 crashes when there is no memory for what it compiled: it looks for the
// frame where the interpreter left it ("Fix frame for on-trace out-of-memory error", 2d8300c1).
static void switch_compiler(lua_State *L, bool on) {
#if LUA_VERSION_NUM < 504
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | (on ? LUAJIT_MODE_ON : LUAJIT_MODE_OFF));
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_FLUSH);
#else
    (void)L, (void)on;
#endif
}

static int starve(lua_State *L, lua_Integer fail) {
    Famine famine = {.left = luaL_checkinteger(L, 1), .fail = fail};
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    famine.allocate = lua_getallocf(L, &famine.context);
    switch_compiler(L, false);
    lua_setallocf(L, famine_allocate, &famine);
    int status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0);
    lua_setallocf(L, famine.allocate, famine.context);
    switch_compiler(L, true);
    lua_pushboolean(L, status == 0);
    lua_replace(L, 1);
    return lua_gettop(L);
}

// testing.starve(n, f, ...): pcall(f, ...) with every allocation after the n-th failing
static int testing_starve(lua_State *L) {
    return starve(L, PTRDIFF_MAX);
}

// testing.starve_once(n, f, ...): the same, but only the first of them fails
static int testing_starve_once(lua_State *L) {
    return starve(L, TRIES);
}

// encode(buffer, ...)
static int encode_into(lua_State *L) {
    codec_encode(L, 2, lua_gettop(L) - 1, lua_touserdata(L, 1));
    return 0;
}

// testing.encode_after(bytes, ...): what a buffer that held these bytes holds
// after it was asked to take the values, and whether it did.
static int testing_encode_after(lua_State *L) {
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    Buffer buffer = {0};
    if (buffer_append(&buffer, bytes, size) == -1) return luaL_error(L, "not enough memory");
    lua_pushcfunction(L, encode_into);
    lua_pushlightuserdata(L, &buffer);
    lua_replace(L, 1);
    lua_insert(L, 1);
    int status = lua_pcall(L, lua_gettop(L) - 1, 0, 0);
    lua_pushlstring(L, buffer_bytes(&buffer), buffer_size(&buffer));
    lua_pushboolean(L, status == 0);
    buffer_free(&buffer);
    return 2;
}

void testing_codec_register(lua_State *L) {
    lua_pushcfunction(L, testing_encode_after);
    lua_setfield(L, -2, "encode_after");
    lua_pushcfunction(L, testing_starve);
    lua_setfield(L, -2, "starve");
    lua_pushcfunction(L, testing_starve_once);
    lua_setfield(L, -2, "starve_once");
}
