/* Encoder of tables - lists, records and maps. */
#include "core/lua/encoder.h"

enum { SHORTEST_BLOCK = 4 }; // shorter lists of numbers are not worth a second look

static bool is_item(lua_State *L, int index, size_t items) {
    if (!lua_isinteger(L, index)) return false;
    lua_Integer i = lua_tointeger(L, index);
    return i >= 1 && (size_t)i <= items;
}

// Encodes what follows the key on top of the stack, other than the items
// numbered 1 to `without`, after `count` pairs that are already written.
static void encode_pairs(Encoder *e, int table, size_t count, size_t counter, size_t without) {
    lua_State *L = e->L;
    while (lua_next(L, table)) {
        if (!is_item(L, -2, without)) {
            int value = lua_gettop(L);
            encode_value(e, value - 1);
            encode_value(e, value);
            count++;
        }
        lua_pop(L, 1);
    }
    if (count > UINT32_MAX) luaL_error(L, "a table of too many fields");
    set_counter(e, counter, count);
}

void encode_rest(Encoder *e, int table, size_t list) {
    lua_pushvalue(e->L, -1);
    if (lua_next(e->L, table)) {
        lua_pop(e->L, 2);
        *byte_at(e, list) |= TAG_MORE;
        encode_pairs(e, table, 0, put_counter(e), 0);
    } else {
        lua_pop(e->L, 1);
    }
}

// A list whose walk does not begin with its items in order: some are nil, or
// stand in the hash part. Encodes them from number i on, then the pairs.
static void encode_scattered(Encoder *e, int table, size_t i, size_t items) {
    lua_State *L = e->L;
    for (; i <= items; i++) {
        lua_rawgeti(L, table, (lua_Integer)i);
        encode_value(e, lua_gettop(L));
        lua_pop(L, 1);
    }
    lua_pushnil(L);
    encode_pairs(e, table, 0, put_counter(e), items);
}

static void encode_list(Encoder *e, int table, size_t items) {
    lua_State *L = e->L;
    int top = lua_gettop(L);
    size_t list = here(e);
    put_tagged_varint(e, TAG_LIST, items);
    lua_pushnil(L);
    for (size_t i = 1; i <= items; i++) {
        if (!next_is(L, table, i)) {
            lua_settop(L, top);
            *byte_at(e, list) |= TAG_MORE;
            return encode_scattered(e, table, i, items);
        }
        encode_value(e, top + 2);
        lua_pop(L, 1);
    }
    encode_rest(e, table, list);
}

static void encode_fields(Encoder *e, int first, int count) {
    const void *keys[MOST_FIELDS];
    for (int i = 0; i < count; i++) keys[i] = lua_tostring(e->L, first + 2 * i);
    size_t place = shapes_note(&e->shapes, keys, count, here(e));
    if (place) {
        *byte_at(e, place) |= TAG_SHAPED;
        put_tagged_varint(e, TAG_RECORD, place);
    } else {
        put_tagged_varint(e, TAG_FIELDS, (uint64_t)count);
        for (int i = 0; i < count; i++) encode_string(e, first + 2 * i);
    }
    for (int i = 0; i < count; i++) encode_value(e, first + 2 * i + 1);
}

// The walk's first `count` pairs stand on the stack; the rest is yet to come.
static void encode_map(Encoder *e, int table, int first, int count) {
    put_byte(e, TAG_MAP);
    size_t counter = put_counter(e);
    for (int i = 0; i < 2 * count; i++) encode_value(e, first + i);
    lua_pushvalue(e->L, first + 2 * (count - 1));
    encode_pairs(e, table, (size_t)count, counter, 0);
}

// A table without items. Its pairs are collected on the stack: keys need be
// known before the values, and a walk costs more than the copies of its keys.
static void encode_hash(Encoder *e, int table) {
    lua_State *L = e->L;
    int first = lua_gettop(L) + 1, count = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        count++;
        if (lua_type(L, -2) != LUA_TSTRING || count > MOST_FIELDS)
            return encode_map(e, table, first, count);
        lua_pushvalue(L, -2);
    }
    encode_fields(e, first, count);
}

void encode_plain(Encoder *e, int table) {
    if (encoder_is_deep(e)) {
        put_byte(e, TAG_LATER);
        return encoder_put_off(e, table);
    }
    luaL_checkstack(e->L, 2 * MOST_FIELDS + 8, "too many values to encode");
    e->depth++;
    int top = lua_gettop(e->L);
    size_t items = lua_rawlen(e->L, table);
    if (items == 0)
        encode_hash(e, table);
    else if (items < SHORTEST_BLOCK || !encode_block(e, table, items))
        encode_list(e, table, items);
    lua_settop(e->L, top);
    e->depth--;
}

void encode_table(Encoder *e, int table) {
    if (encoder_put_reference(e, lua_topointer(e->L, table))) return;
    // Here only: looking up every table would be slow.
    if (e->capturing && encode_metatable(e, table)) return;
    if (encode_typed(e, table)) return;
    encode_plain(e, table);
}

void encode_table_contents(Encoder *e, int table) {
    size_t items = lua_rawlen(e->L, table);
    put_varint(e, items);
    encode_scattered(e, table, 1, items);
}
