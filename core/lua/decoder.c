/* Decoder - the codec's reading half. The format is told in codec_format.h. */
#include <stdbool.h>

#include "core/lua/codec.h"
#include "core/lua/codec_format.h"

typedef struct {
    lua_State *L;
    const char *start, *at, *end;
    size_t owed; // values that are announced but not read yet: each needs a byte at least
    int depth;   // tables around the value at hand
    // Stack index of the table of what is referred to: values by their places,
    // and lists of keys by the negated places of their shapes; nil while empty.
    int known;
} Decoder;

static void damaged(Decoder *d, const char *reason) {
    luaL_error(d->L, "damaged message: %s", reason);
}

// ---- bytes

static size_t left(const Decoder *d) {
    return (size_t)(d->end - d->at);
}

static const char *take(Decoder *d, size_t size) {
    if (size > left(d)) damaged(d, "it ends too soon");
    const char *bytes = d->at;
    d->at += size;
    return bytes;
}

static uint64_t take_varint(Decoder *d) {
    uint64_t n;
    if (!varint_read(&d->at, d->end, &n)) damaged(d, "a number is cut off or too large");
    return n;
}

static size_t take_counter(Decoder *d) {
    uint32_t n;
    memcpy(&n, take(d, sizeof n), sizeof n);
    return n;
}

// Takes note that `count` more values must follow. Since the bytes left are
// enough for all that was announced, memory may be set aside for them.
static void announce(Decoder *d, uint64_t count) {
    if (count > left(d) || d->owed > left(d) - count) damaged(d, "a count exceeds its size");
    d->owed += count;
}

// ---- what is referred to

static void remember(Decoder *d, lua_Integer name) {
    lua_State *L = d->L;
    if (lua_type(L, d->known) == LUA_TNIL) {
        lua_newtable(L);
        lua_replace(L, d->known);
    }
    lua_pushvalue(L, -1);
    lua_rawseti(L, d->known, name);
}

static void recall(Decoder *d, lua_Integer name, const char *complaint) {
    if (lua_type(d->L, d->known) == LUA_TNIL || lua_rawgeti(d->L, d->known, name) == LUA_TNIL)
        damaged(d, complaint);
}

// A place that was read, made safe to be negated and passed to Lua.
static lua_Integer take_place(Decoder *d) {
    uint64_t place = take_varint(d);
    if (place > (uint64_t)(d->at - d->start)) damaged(d, "a reference points past its own place");
    return (lua_Integer)place;
}

// ---- tables

static void decode_value(Decoder *d);

// Reads a value that was announced.
static void decode_owed(Decoder *d) {
    d->owed--;
    decode_value(d);
}

static void new_table(Decoder *d, size_t items, size_t fields, lua_Integer place) {
    if (items > INT32_MAX || fields > INT32_MAX) damaged(d, "a table is too large");
    lua_createtable(d->L, (int)items, (int)fields);
    if (place) remember(d, place);
}

static void decode_items(Decoder *d, size_t count) {
    for (size_t i = 1; i <= count; i++) {
        decode_owed(d);
        lua_rawseti(d->L, -2, (lua_Integer)i);
    }
}

static void check_key(Decoder *d) {
    lua_State *L = d->L;
    if (lua_type(L, -1) == LUA_TNIL) damaged(d, "a key is nil");
    if (lua_type(L, -1) != LUA_TNUMBER || lua_isinteger(L, -1)) return;
    lua_Number n = lua_tonumber(L, -1);
    if (n != n) damaged(d, "a key is not a number");
}

static void decode_pairs(Decoder *d, size_t count) {
    for (size_t i = 0; i < count; i++) {
        decode_owed(d);
        check_key(d);
        decode_owed(d);
        lua_rawset(d->L, -3);
    }
}

static void decode_more(Decoder *d, bool more) {
    if (!more) return;
    size_t pairs = take_counter(d);
    announce(d, 2 * (uint64_t)pairs);
    decode_pairs(d, pairs);
}

static void decode_map(Decoder *d, lua_Integer place) {
    size_t pairs = take_counter(d);
    announce(d, 2 * (uint64_t)pairs);
    new_table(d, 0, pairs, place);
    decode_pairs(d, pairs);
}

static void decode_list(Decoder *d, lua_Integer place, bool more) {
    uint64_t items = take_varint(d);
    announce(d, items);
    new_table(d, items, 0, place);
    decode_items(d, items);
    decode_more(d, more);
}

// ---- lists of numbers, as blocks

// Takes a block of `count` numbers of this width.
static const char *take_block(Decoder *d, uint64_t count, size_t width) {
    if (count > left(d) / width) damaged(d, "a count exceeds its size");
    return take(d, count * width);
}

#define PUSH_EACH(type, push)                                                                      \
    for (size_t i = 0; i < count; i++) {                                                           \
        type n;                                                                                    \
        memcpy(&n, from + i * sizeof n, sizeof n);                                                 \
        push(L, n);                                                                                \
        lua_rawseti(L, -2, (lua_Integer)i + 1);                                                    \
    }

static void decode_integers(Decoder *d, lua_Integer place, bool more) {
    lua_State *L = d->L;
    size_t width = (unsigned char)*take(d, 1);
    if (width != 1 && width != 2 && width != 4 && width != 8)
        damaged(d, "integers of no known width");
    size_t count = take_varint(d);
    const char *from = take_block(d, count, width);
    new_table(d, count, 0, place);
    switch (width) {
    case 1: PUSH_EACH(int8_t, lua_pushinteger) break;
    case 2: PUSH_EACH(int16_t, lua_pushinteger) break;
    case 4: PUSH_EACH(int32_t, lua_pushinteger) break;
    case 8: PUSH_EACH(int64_t, lua_pushinteger) break;
    }
    decode_more(d, more);
}

static void decode_floats(Decoder *d, lua_Integer place, bool more) {
    lua_State *L = d->L;
    size_t count = take_varint(d);
    const char *from = take_block(d, count, sizeof(double));
    new_table(d, count, 0, place);
    PUSH_EACH(double, lua_pushnumber)
    decode_more(d, more);
}

// ---- records

// The keys on the stack from `first` on become a list in `known`.
static void remember_shape(Decoder *d, int first, int count, lua_Integer place) {
    lua_State *L = d->L;
    lua_createtable(L, count, 0);
    for (int i = 0; i < count; i++) {
        lua_pushvalue(L, first + i);
        lua_rawseti(L, -2, i + 1);
    }
    remember(d, -place);
    lua_pop(L, 1);
}

static void decode_field_names(Decoder *d, int count) {
    for (int i = 0; i < count; i++) {
        decode_owed(d);
        if (lua_type(d->L, -1) != LUA_TSTRING) damaged(d, "a field's name is not a string");
    }
}

static void decode_fields(Decoder *d, lua_Integer tag_place, bool shared, bool shape) {
    lua_State *L = d->L;
    uint64_t count = take_varint(d);
    if (count > MOST_FIELDS) damaged(d, "a record of too many fields");
    announce(d, 2 * count);
    int first = lua_gettop(L) + 1;
    decode_field_names(d, (int)count);
    if (shape) remember_shape(d, first, (int)count, tag_place);
    new_table(d, 0, count, shared ? tag_place : 0);
    for (int i = 0; i < (int)count; i++) {
        lua_pushvalue(L, first + i);
        decode_owed(d);
        lua_rawset(L, -3);
    }
    lua_insert(L, first);
    lua_settop(L, first);
}

static void decode_record(Decoder *d, lua_Integer place) {
    lua_State *L = d->L;
    recall(d, -take_place(d), "a record of no known shape");
    int keys = lua_gettop(L);
    int count = (int)lua_rawlen(L, keys);
    announce(d, (uint64_t)count);
    new_table(d, 0, (size_t)count, place);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, keys, i);
        decode_owed(d);
        lua_rawset(L, -3);
    }
    lua_remove(L, keys);
}

// ---- values

static void decode_string(Decoder *d, uint64_t size, lua_Integer place) {
    if (size > left(d)) damaged(d, "a string exceeds the message");
    lua_pushlstring(d->L, take(d, size), size);
    if (place) remember(d, place);
}

static void decode_float(Decoder *d) {
    double n;
    memcpy(&n, take(d, sizeof n), sizeof n);
    lua_pushnumber(d->L, n);
}

static void decode_table(Decoder *d, int tag, lua_Integer tag_place, bool shared) {
    lua_Integer place = shared ? tag_place : 0;
    if (++d->depth > DEEPEST) damaged(d, "tables are nested too deeply");
    luaL_checkstack(d->L, MOST_FIELDS + 8, "damaged message");
    switch (tag) {
    case TAG_MAP: decode_map(d, place); break;
    case TAG_LIST:
    case TAG_LIST | TAG_MORE: decode_list(d, place, tag & TAG_MORE); break;
    case TAG_INTEGERS:
    case TAG_INTEGERS | TAG_MORE: decode_integers(d, place, tag & TAG_MORE); break;
    case TAG_FLOATS:
    case TAG_FLOATS | TAG_MORE: decode_floats(d, place, tag & TAG_MORE); break;
    case TAG_FIELDS:
    case TAG_SHAPE: decode_fields(d, tag_place, shared, tag == TAG_SHAPE); break;
    case TAG_RECORD: decode_record(d, place); break;
    default: damaged(d, "a value of no known kind");
    }
    d->depth--;
}

static void decode_tagged(Decoder *d, int tag, lua_Integer place, bool shared) {
    lua_State *L = d->L;
    switch (tag) {
    case TAG_NIL: return lua_pushnil(L);
    case TAG_FALSE: return lua_pushboolean(L, 0);
    case TAG_TRUE: lua_pushboolean(L, 1); return;
    case TAG_NULL: return lua_pushlightuserdata(L, NULL);
    case TAG_INTEGER: return lua_pushinteger(L, unzigzag(take_varint(d)));
    case TAG_FLOAT: return decode_float(d);
    case TAG_STRING: return decode_string(d, take_varint(d), shared ? place : 0);
    case TAG_REFERENCE: return recall(d, take_place(d), "a reference to nothing");
    case TAG_LATER: return new_table(d, 0, 0, place);
    default: return decode_table(d, tag, place, shared);
    }
}

static void decode_value(Decoder *d) {
    lua_Integer place = d->at - d->start;
    int tag = (unsigned char)*take(d, 1);
    if (tag & TAG_SMALL_INTEGER)
        return lua_pushinteger(d->L, (tag & ~TAG_SMALL_INTEGER) + SMALL_LEAST);
    bool shared = tag & TAG_SHARED;
    if (tag & TAG_SHORT_STRING) return decode_string(d, tag & SHORT_STRING, shared ? place : 0);
    decode_tagged(d, tag & ~TAG_SHARED, place, shared);
}

// ---- the message

static void decode_later(Decoder *d) {
    lua_State *L = d->L;
    for (lua_Integer place; (place = take_place(d)) != 0;) {
        recall(d, place, "contents of no table");
        if (lua_type(L, -1) != LUA_TTABLE) damaged(d, "contents of what is no table");
        uint64_t items = take_varint(d);
        announce(d, items);
        d->depth = 1;
        decode_items(d, items);
        decode_more(d, true);
        lua_pop(L, 1);
    }
}

int codec_decode(lua_State *L, const char *bytes, size_t size) {
    luaL_checkstack(L, LUA_MINSTACK, "too many values to decode");
    lua_pushnil(L);
    Decoder d = {.L = L, .start = bytes, .at = bytes, .end = bytes + size, .known = lua_gettop(L)};
    uint64_t count = take_varint(&d);
    announce(&d, count);
    if (count > INT32_MAX / 2 || !lua_checkstack(L, (int)count + LUA_MINSTACK))
        damaged(&d, "more values than fit on the stack");
    for (uint64_t i = 0; i < count; i++) decode_owed(&d);
    decode_later(&d);
    if (d.at != d.end) damaged(&d, "it goes on after its end");
    lua_remove(L, d.known);
    return (int)count;
}
