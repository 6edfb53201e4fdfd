/* Decoder of tables - lists, blocks of numbers, records and maps. */
#include "core/lua/decoder.h"

static void new_table(Decoder *d, size_t items, size_t fields, lua_Integer place) {
    if (items > INT32_MAX || fields > INT32_MAX) decoder_damaged(d, "a table is too large");
    lua_createtable(d->L, (int)items, (int)fields);
    if (place) decoder_remember(d, place);
}

static void decode_items(Decoder *d, size_t count) {
    for (size_t i = 1; i <= count; i++) {
        decode_owed(d);
        lua_rawseti(d->L, -2, (lua_Integer)i);
    }
}

static void check_key(Decoder *d) {
    lua_State *L = d->L;
    if (lua_type(L, -1) == LUA_TNIL) decoder_damaged(d, "a key is nil");
    if (lua_type(L, -1) != LUA_TNUMBER || lua_isinteger(L, -1)) return;
    lua_Number n = lua_tonumber(L, -1);
    if (n != n) decoder_damaged(d, "a key is not a number");
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
    if (count > left(d) / width) decoder_damaged(d, "a count exceeds its size");
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
        decoder_damaged(d, "integers of no known width");
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
    decoder_remember(d, -place);
    lua_pop(L, 1);
}

static void decode_field_names(Decoder *d, int count) {
    for (int i = 0; i < count; i++) {
        decode_owed(d);
        if (lua_type(d->L, -1) != LUA_TSTRING) decoder_damaged(d, "a field's name is not a string");
    }
}

static void decode_fields(Decoder *d, lua_Integer place, lua_Integer shape) {
    lua_State *L = d->L;
    uint64_t count = take_varint(d);
    if (count > MOST_FIELDS) decoder_damaged(d, "a record of too many fields");
    announce(d, 2 * count);
    int first = lua_gettop(L) + 1;
    decode_field_names(d, (int)count);
    if (shape) remember_shape(d, first, (int)count, shape);
    new_table(d, 0, count, place);
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
    decoder_recall(d, -take_place(d), "a record of no known shape");
    if (lua_type(L, -1) != LUA_TTABLE) decoder_damaged(d, "a record of no known shape");
    int keys = lua_gettop(L);
    int count = (int)lua_rawlen(L, keys);
    announce(d, (uint64_t)count);
    new_table(d, 0, (size_t)count, place);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, keys, i);
        decode_owed(d);
        lua_rawset(L, -3);
    }
    lua_replace(L, keys);
}

// ---- a table of any kind

void decode_table(Decoder *d, int tag, lua_Integer tag_place, lua_Integer place) {
    if (tag == TAG_LATER) return new_table(d, 0, 0, place);
    decoder_enter(d);
    switch (tag) {
    case TAG_MAP: decode_map(d, place); break;
    case TAG_LIST:
    case TAG_LIST | TAG_MORE: decode_list(d, place, tag & TAG_MORE); break;
    case TAG_INTEGERS:
    case TAG_INTEGERS | TAG_MORE: decode_integers(d, place, tag & TAG_MORE); break;
    case TAG_FLOATS:
    case TAG_FLOATS | TAG_MORE: decode_floats(d, place, tag & TAG_MORE); break;
    case TAG_FIELDS: decode_fields(d, place, 0); break;
    case TAG_SHAPE: decode_fields(d, place, tag_place); break;
    case TAG_RECORD: decode_record(d, place); break;
    default: decoder_damaged(d, "a value of no known kind");
    }
    decoder_leave(d);
}

void decode_contents_of_table(Decoder *d) {
    uint64_t items = take_varint(d);
    announce(d, items);
    decode_items(d, items);
    decode_more(d, true);
}
