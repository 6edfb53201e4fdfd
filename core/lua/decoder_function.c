/* Decoder of functions - their code, and what their upvalues hold. */
#include "core/lua/decoder.h"
#include "core/lua/environment.h"
#include "core/lua/library.h"

void decode_library(Decoder *d, lua_Integer place) {
    lua_State *L = d->L;
    decoder_check_trust(d);
    decode_name(d, "a library's name is not a string");
    size_t size;
    const char *name = lua_tolstring(L, -1, &size);
    library_push(L, name, size);
    lua_remove(L, -2);
    if (place) decoder_remember(d, place);
}

// With the function on top of the stack: joins its upvalue i to another function's.
static void decode_joined(Decoder *d, int i) {
    lua_State *L = d->L;
    lua_Integer place = take_place(d);
    decoder_recall(d, place, "a reference to no upvalue");
    decoder_recall(d, -place, "a reference to no upvalue");
    bool valid = lua_type(L, -2) == LUA_TFUNCTION && lua_type(L, -1) == LUA_TNUMBER;
    if (!valid || !lua_getupvalue(L, -2, (int)lua_tointeger(L, -1)))
        decoder_damaged(d, "a reference to no upvalue");
    lua_upvaluejoin(L, -4, i, -3, (int)lua_tointeger(L, -2));
    lua_pop(L, 3);
}

static void remember_upvalue(Decoder *d, int i, lua_Integer place) {
    decoder_remember(d, place);
    lua_pushinteger(d->L, i);
    decoder_remember(d, -place);
    lua_pop(d->L, 1);
}

// A table that falls back to the globals of this state.
static void decode_over_globals(Decoder *d) {
    decode_value(d);
    if (lua_type(d->L, -1) != LUA_TTABLE) decoder_damaged(d, "an environment is not a table");
    environment_put_over(d->L);
}

static void decode_upvalue(Decoder *d, int i) {
    lua_State *L = d->L;
    lua_Integer place = d->at - d->start;
    d->owed--;
    int tag = (unsigned char)*take(d, 1);
    if (tag & TAG_SHARED) remember_upvalue(d, i, place);
    switch (tag & ~TAG_SHARED) {
    case TAG_JOINED: return decode_joined(d, i);
    case TAG_GLOBALS: lua_pushglobaltable(L); break;
    case TAG_OVER_GLOBALS: decode_over_globals(d); break;
    case TAG_UPVALUE: decode_value(d); break;
    default: decoder_damaged(d, "an upvalue of no known kind");
    }
    lua_setupvalue(L, -2, i);
}

// The environment that stands behind the upvalues.
static void decode_apart(Decoder *d) {
    d->owed--;
    switch (*take(d, 1)) {
    case TAG_OVER_GLOBALS: decode_over_globals(d); break;
    case TAG_UPVALUE: decode_value(d); break;
    default: decoder_damaged(d, "an environment of no known kind");
    }
    if (lua_type(d->L, -1) != LUA_TTABLE) decoder_damaged(d, "an environment is not a table");
    environment_set_apart(d->L);
}

// Of the function on top of the stack.
void decode_upvalues(Decoder *d) {
    lua_State *L = d->L;
    lua_Debug info;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">u", &info);
    uint64_t count = take_varint(d);
    bool apart = ENVIRONMENT_APART && count == (uint64_t)info.nups + 1;
    if (count != (uint64_t)info.nups + apart)
        decoder_damaged(d, "a function of another number of upvalues");
    announce(d, count);
    for (int i = 1; i <= info.nups; i++) decode_upvalue(d, i);
    if (apart) decode_apart(d);
}

void decode_function(Decoder *d, lua_Integer place, bool more) {
    lua_State *L = d->L;
    decoder_check_trust(d);
    size_t size = take_counter(d);
    if (luaL_loadbufferx(L, take(d, size), size, "=function", "b") != 0) lua_error(L);
    if (place) decoder_remember(d, place);
    if (!more) return;
    decoder_enter(d);
    decode_upvalues(d);
    decoder_leave(d);
}
