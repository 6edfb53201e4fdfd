#include "core/lua/decoder.h"

#include "core/lua/codec.h"

void decoder_damaged(Decoder *d, const char *reason) {
    luaL_error(d->L, "damaged message: %s", reason);
}

void decoder_check_trust(Decoder *d) {
    if (!d->functions) decoder_damaged(d, "functions are not accepted here");
}

void decoder_enter(Decoder *d) {
    if (++d->depth > DEEPEST) decoder_damaged(d, "values are nested too deeply");
    luaL_checkstack(d->L, MOST_FIELDS + LUA_MINSTACK, "damaged message");
}

// ---- what is referred to

void decoder_remember(Decoder *d, lua_Integer name) {
    lua_State *L = d->L;
    if (lua_type(L, d->known) == LUA_TNIL) {
        lua_newtable(L);
        lua_replace(L, d->known);
    }
    lua_pushvalue(L, -1);
    lua_rawseti(L, d->known, name);
}

void decoder_recall(Decoder *d, lua_Integer name, const char *complaint) {
    if (lua_type(d->L, d->known) == LUA_TNIL || lua_rawgeti(d->L, d->known, name) == LUA_TNIL)
        decoder_damaged(d, complaint);
}

// ---- values

static void decode_string(Decoder *d, uint64_t size, lua_Integer place) {
    if (size > left(d)) decoder_damaged(d, "a string exceeds the message");
    lua_pushlstring(d->L, take(d, size), size);
    if (place) decoder_remember(d, place);
}

static void decode_float(Decoder *d) {
    double n;
    memcpy(&n, take(d, sizeof n), sizeof n);
    lua_pushnumber(d->L, n);
}

// The tag, without TAG_SHARED, is at tag_place; the value is remembered as
// `place` unless that is 0.
static void decode_tagged(Decoder *d, int tag, lua_Integer tag_place, lua_Integer place) {
    lua_State *L = d->L;
    switch (tag) {
    case TAG_NIL: return lua_pushnil(L);
    case TAG_FALSE: return lua_pushboolean(L, 0);
    case TAG_TRUE: return lua_pushboolean(L, 1);
    case TAG_NULL: return lua_pushlightuserdata(L, NULL);
    case TAG_INTEGER: return lua_pushinteger(L, unzigzag(take_varint(d)));
    case TAG_FLOAT: return decode_float(d);
    case TAG_STRING: return decode_string(d, take_varint(d), place);
    case TAG_REFERENCE: return decoder_recall(d, take_place(d), "a reference to nothing");
    case TAG_LIBRARY: return decode_library(d, place);
    case TAG_FUNCTION:
    case TAG_FUNCTION | TAG_MORE: return decode_function(d, place, tag & TAG_MORE);
    case TAG_TYPED: return decode_typed(d, place);
    case TAG_METATABLE: return decode_metatable(d, place);
    case TAG_OBJECT: return decode_object(d, place);
    case TAG_CALL: return decode_call(d, place);
    case TAG_HANDLE: return decode_handle(d, place);
    default: return decode_table(d, tag, tag_place, place);
    }
}

void decode_value(Decoder *d) {
    lua_Integer place = d->at - d->start;
    int tag = (unsigned char)*take(d, 1);
    if (tag & TAG_SMALL_INTEGER)
        return lua_pushinteger(d->L, (tag & ~TAG_SMALL_INTEGER) + SMALL_LEAST);
    lua_Integer name = tag & TAG_SHARED ? place : 0;
    if (tag & TAG_SHORT_STRING) return decode_string(d, tag & SHORT_STRING, name);
    decode_tagged(d, tag & ~TAG_SHARED, place, name);
}

// Looked at before it is read: names within names would exhaust the C stack.
static bool is_string_next(const Decoder *d) {
    int tag = left(d) > 0 ? (unsigned char)*d->at : TAG_NIL;
    if (tag & TAG_SMALL_INTEGER) return false;
    if (tag & TAG_SHORT_STRING) return true;
    tag &= ~TAG_SHARED;
    return tag == TAG_STRING || tag == TAG_REFERENCE;
}

void decode_name(Decoder *d, const char *complaint) {
    if (!is_string_next(d)) decoder_damaged(d, complaint);
    decode_value(d);
    if (lua_type(d->L, -1) != LUA_TSTRING) decoder_damaged(d, complaint);
}

// ---- the message

static void decode_contents(Decoder *d) {
    switch (lua_type(d->L, -1)) {
    case LUA_TTABLE: return decode_contents_of_table(d);
    case LUA_TFUNCTION:
        decoder_check_trust(d);
        if (!lua_iscfunction(d->L, -1)) return decode_upvalues(d);
    }
    decoder_damaged(d, "contents of what has none");
}

void decode_later(Decoder *d) {
    int depth = d->depth;
    if (depth == 0) d->depth = 1;
    luaL_checkstack(d->L, LUA_MINSTACK, "damaged message");
    for (lua_Integer place; (place = take_place(d)) != 0;) {
        decoder_recall(d, place, "contents of nothing");
        decode_contents(d);
        lua_pop(d->L, 1);
    }
    d->depth = depth;
}

static int decode(lua_State *L, const char *bytes, size_t size, int parcel, bool functions) {
    luaL_checkstack(L, LUA_MINSTACK, "too many values to decode");
    lua_pushnil(L);
    Decoder d = {
        .L = L,
        .start = bytes,
        .at = bytes,
        .end = bytes + size,
        .parcel = parcel,
        .functions = functions,
        .known = lua_gettop(L),
    };
    uint64_t count = take_varint(&d);
    announce(&d, count);
    if (count > INT32_MAX / 2 || !lua_checkstack(L, (int)count + LUA_MINSTACK))
        decoder_damaged(&d, "more values than fit on the stack");
    for (uint64_t i = 0; i < count; i++) decode_owed(&d);
    decode_later(&d);
    if (d.at != d.end) decoder_damaged(&d, "it goes on after its end");
    lua_remove(L, d.known);
    return (int)count;
}

int codec_decode(lua_State *L, const char *bytes, size_t size) {
    return decode(L, bytes, size, 0, false);
}

int codec_decode_shared(lua_State *L, const char *bytes, size_t size, int parcel) {
    return decode(L, bytes, size, lua_absindex(L, parcel), false);
}

int codec_decode_trusted(lua_State *L, const char *bytes, size_t size, int parcel) {
    return decode(L, bytes, size, lua_absindex(L, parcel), true);
}

int codec_decode_functions(lua_State *L, const char *bytes, size_t size) {
    return decode(L, bytes, size, 0, true);
}
