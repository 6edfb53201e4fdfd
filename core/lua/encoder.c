/* Encoder - the codec's writing half. The format is told in codec_format.h. */
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/lua/codec.h"
#include "core/lua/codec_format.h"
#include "core/lua/path.h"
#include "core/lua/seen.h"
#include "core/lua/shapes.h"

enum {
    SHORTEST_SHARED = 4, // shorter strings are no longer than a reference to them
    SHORTEST_BLOCK = 4,  // shorter lists of numbers are not worth a second look
};

// One is kept in the registry of each Lua state, so that small messages need
// not make its tables anew.
typedef struct {
    Seen seen;     // strings and tables that are in the message
    Shapes shapes; // key sequences of its records
    bool busy;     // a message is under way; one within it needs an encoder of its own

    lua_State *L;
    Buffer *to;
    size_t base; // how much was in the buffer before
    int depth;   // tables around the value at hand
    int first;   // the values to encode: stack index and number
    int count;
    int later; // stack index of the list of tables that were put off, nil while there are none
    size_t late;
} Encoder;

static const char ENCODER; // its address is the key in the registry

// ---- bytes

static size_t here(const Encoder *e) {
    return buffer_size(e->to) - e->base;
}

static char *byte_at(const Encoder *e, size_t place) {
    return buffer_bytes(e->to) + e->base + place;
}

static void out_of_memory(Encoder *e) {
    luaL_error(e->L, "not enough memory");
}

static char *room(Encoder *e, size_t size) {
    if (buffer_reserve(e->to, size) == -1) out_of_memory(e);
    return buffer_tail(e->to);
}

static void put_byte(Encoder *e, int byte) {
    *room(e, 1) = (char)byte;
    buffer_added(e->to, 1);
}

static void put_varint(Encoder *e, uint64_t n) {
    char *to = room(e, VARINT_MAX);
    buffer_added(e->to, (size_t)(varint_write(to, n) - to));
}

static void put_tagged_varint(Encoder *e, Tag tag, uint64_t n) {
    char *to = room(e, 1 + VARINT_MAX);
    *to = (char)tag;
    buffer_added(e->to, (size_t)(varint_write(to + 1, n) - to));
}

static void put_bytes(Encoder *e, const void *bytes, size_t size) {
    if (buffer_append(e->to, bytes, size) == -1) out_of_memory(e);
}

// True when the object is in the message already; it is then referred to.
// Otherwise the value written next is noted as the object.
static bool put_reference(Encoder *e, const void *object) {
    size_t place = here(e);
    switch (seen_note(&e->seen, object, &place)) {
    case -1: out_of_memory(e); return false;
    case 1: return false;
    }
    *byte_at(e, place) |= TAG_SHARED;
    put_tagged_varint(e, TAG_REFERENCE, place);
    return true;
}

// ---- scalars

static void encode_integer(Encoder *e, lua_Integer n) {
    if (n >= SMALL_LEAST && n <= SMALL_MOST)
        put_byte(e, TAG_SMALL_INTEGER | (int)(n - SMALL_LEAST));
    else
        put_tagged_varint(e, TAG_INTEGER, zigzag(n));
}

static void encode_float(Encoder *e, double n) {
    char *to = room(e, 1 + sizeof n);
    *to = TAG_FLOAT;
    memcpy(to + 1, &n, sizeof n);
    buffer_added(e->to, 1 + sizeof n);
}

static void encode_number(Encoder *e, int index) {
    if (lua_isinteger(e->L, index))
        encode_integer(e, lua_tointeger(e->L, index));
    else
        encode_float(e, lua_tonumber(e->L, index));
}

static void encode_string(Encoder *e, int index) {
    size_t size;
    const char *bytes = lua_tolstring(e->L, index, &size);
    if (size >= SHORTEST_SHARED && put_reference(e, bytes)) return;
    if (size <= SHORT_STRING)
        put_byte(e, TAG_SHORT_STRING | (int)size);
    else
        put_tagged_varint(e, TAG_STRING, size);
    put_bytes(e, bytes, size);
}

static const char *kind_name(lua_State *L, int index) {
    switch (lua_type(L, index)) {
    case LUA_TTHREAD: return "coroutine";
    case LUA_TLIGHTUSERDATA: return "userdata";
    default: return luaL_typename(L, index);
    }
}

// Raises that the value cannot be sent, and where it is.
static void refuse(Encoder *e, int index) {
    lua_State *L = e->L;
    int top = lua_gettop(L);
    luaL_checkstack(L, LUA_MINSTACK, "no room to tell what cannot be sent");
    lua_pushstring(L, path_push(L, e->first, e->count, index) ? ": " : "");
    if (lua_type(L, index) == LUA_TUSERDATA && luaL_testudata(L, index, LUA_FILEHANDLE))
        lua_pushliteral(L, "an open file");
    else
        lua_pushfstring(L, "a %s", kind_name(L, index));
    lua_pushliteral(L, " cannot leave its process");
    lua_concat(L, lua_gettop(L) - top);
    lua_error(L);
}

// ---- tables

static void encode_value(Encoder *e, int index);

// With a key on top of the stack: true when the next item of the table's walk
// is number i, as it is in a list; key and value are then on the stack.
static bool next_is(lua_State *L, int table, size_t i) {
    return lua_next(L, table) && lua_isinteger(L, -2) && lua_tointeger(L, -2) == (lua_Integer)i;
}

static bool is_item(lua_State *L, int index, size_t items) {
    if (!lua_isinteger(L, index)) return false;
    lua_Integer i = lua_tointeger(L, index);
    return i >= 1 && (size_t)i <= items;
}

// Encodes what follows the key on top of the stack, other than the items
// numbered 1 to `without`, after `pairs` that are already written.
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
    uint32_t number = (uint32_t)count;
    memcpy(byte_at(e, counter), &number, sizeof number);
}

// The place of four bytes to be filled in by encode_pairs.
static size_t put_counter(Encoder *e) {
    size_t counter = here(e);
    memset(room(e, sizeof(uint32_t)), 0, sizeof(uint32_t));
    buffer_added(e->to, sizeof(uint32_t));
    return counter;
}

// With the key of the last item on top: encodes what is left of the list's walk.
static void encode_rest(Encoder *e, int table, size_t list) {
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

// ---- lists of numbers, as blocks

// Copies the items to `to`, *widest becoming a number as wide as any of them.
// True with the last key on the stack when all are integers.
static bool copy_integers(lua_State *L, int table, size_t items, char *to, int64_t *widest) {
    int64_t bits = 0;
    for (size_t i = 1; i <= items; i++) {
        if (!next_is(L, table, i) || !lua_isinteger(L, -1)) return false;
        int64_t n = lua_tointeger(L, -1);
        bits |= n ^ (n >> 63);
        memcpy(to + (i - 1) * sizeof n, &n, sizeof n);
        lua_pop(L, 1);
    }
    *widest = bits;
    return true;
}

static bool copy_floats(lua_State *L, int table, size_t items, char *to) {
    for (size_t i = 1; i <= items; i++) {
        if (!next_is(L, table, i)) return false;
        if (lua_type(L, -1) != LUA_TNUMBER || lua_isinteger(L, -1)) return false;
        double n = lua_tonumber(L, -1);
        memcpy(to + (i - 1) * sizeof n, &n, sizeof n);
        lua_pop(L, 1);
    }
    return true;
}

static int width_of(int64_t n) {
    return n <= INT8_MAX ? 1 : n <= INT16_MAX ? 2 : n <= INT32_MAX ? 4 : 8;
}

#define NARROW(type)                                                                               \
    for (size_t i = 0; i < items; i++) {                                                           \
        int64_t wide;                                                                              \
        memcpy(&wide, from + i * sizeof wide, sizeof wide);                                        \
        type narrow = (type)wide;                                                                  \
        memcpy(to + i * sizeof narrow, &narrow, sizeof narrow);                                    \
    }

// Moves eight-byte integers to a place before them, in as many bytes as they need.
static void narrow(char *to, const char *from, size_t items, int width) {
    switch (width) {
    case 1: NARROW(int8_t) break;
    case 2: NARROW(int16_t) break;
    case 4: NARROW(int32_t) break;
    default: memmove(to, from, items * sizeof(int64_t));
    }
}

static bool encode_integers(Encoder *e, int table, size_t items) {
    lua_State *L = e->L;
    size_t list = here(e);
    char *to = room(e, 2 + VARINT_MAX + items * sizeof(int64_t));
    char *block = varint_write(to + 2, items);
    int64_t widest;
    lua_pushnil(L);
    if (!copy_integers(L, table, items, to + 2 + VARINT_MAX, &widest)) return false;
    int width = width_of(widest);
    to[0] = TAG_INTEGERS;
    to[1] = (char)width;
    narrow(block, to + 2 + VARINT_MAX, items, width);
    buffer_added(e->to, (size_t)(block - to) + items * (size_t)width);
    encode_rest(e, table, list);
    return true;
}

static bool encode_floats(Encoder *e, int table, size_t items) {
    lua_State *L = e->L;
    size_t list = here(e);
    char *to = room(e, 1 + VARINT_MAX + items * sizeof(double));
    char *block = varint_write(to + 1, items);
    lua_pushnil(L);
    if (!copy_floats(L, table, items, block)) return false;
    to[0] = TAG_FLOATS;
    buffer_added(e->to, (size_t)(block - to) + items * sizeof(double));
    encode_rest(e, table, list);
    return true;
}

// True when the table's items are all integers, or all floats, and encoded so.
static bool encode_block(Encoder *e, int table, size_t items) {
    lua_State *L = e->L;
    int top = lua_gettop(L);
    bool number = lua_rawgeti(L, table, 1) == LUA_TNUMBER;
    bool integer = number && lua_isinteger(L, -1);
    lua_pop(L, 1);
    if (!number) return false;
    bool done = integer ? encode_integers(e, table, items) : encode_floats(e, table, items);
    lua_settop(L, top);
    return done;
}

// ---- records

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

// Notes the table, whose place is already known, as one to be encoded later.
static void put_off(Encoder *e, int table) {
    lua_State *L = e->L;
    put_byte(e, TAG_LATER);
    if (e->late++ == 0) {
        lua_newtable(L);
        lua_replace(L, e->later);
    }
    lua_pushvalue(L, table);
    lua_rawseti(L, e->later, (lua_Integer)e->late);
}

static void encode_table(Encoder *e, int table) {
    if (put_reference(e, lua_topointer(e->L, table))) return;
    if (e->depth == DEEPEST) return put_off(e, table);
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

static void encode_value(Encoder *e, int index) {
    switch (lua_type(e->L, index)) {
    case LUA_TNIL: return put_byte(e, TAG_NIL);
    case LUA_TBOOLEAN: return put_byte(e, lua_toboolean(e->L, index) ? TAG_TRUE : TAG_FALSE);
    case LUA_TNUMBER: return encode_number(e, index);
    case LUA_TSTRING: return encode_string(e, index);
    case LUA_TTABLE: return encode_table(e, index);
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(e->L, index)) return put_byte(e, TAG_NULL);
    }
    refuse(e, index);
}

// ---- the message

// The tables that were put off, which may put off others.
static void encode_later(Encoder *e) {
    lua_State *L = e->L;
    for (size_t i = 1; i <= e->late; i++) {
        lua_rawgeti(L, e->later, (lua_Integer)i);
        int table = lua_gettop(L);
        size_t place = 0;
        seen_note(&e->seen, lua_topointer(L, table), &place);
        *byte_at(e, place) |= TAG_SHARED;
        size_t items = lua_rawlen(L, table);
        put_varint(e, place);
        put_varint(e, items);
        e->depth = 1;
        encode_scattered(e, table, 1, items);
        lua_settop(L, table - 1);
    }
}

// encode(encoder, ...), under pcall so that whatever is raised, the buffer can be set back
static int encode_message(lua_State *L) {
    Encoder *e = lua_touserdata(L, 1);
    e->later = lua_gettop(L) + 1;
    e->first = 2;
    e->count = lua_gettop(L) - 1;
    lua_pushnil(L);
    put_varint(e, (uint64_t)e->count);
    for (int i = 0; i < e->count; i++) encode_value(e, e->first + i);
    encode_later(e);
    put_varint(e, 0);
    return 0;
}

static int encoder_gc(lua_State *L) {
    Encoder *e = lua_touserdata(L, 1);
    seen_free(&e->seen);
    return 0;
}

static Encoder *encoder_new(lua_State *L) {
    Encoder *e = lua_newuserdatauv(L, sizeof *e, 0);
    memset(e, 0, sizeof *e);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, encoder_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    return e;
}

// Pushes this state's encoder, or one more while that is busy.
static Encoder *encoder_take(lua_State *L) {
    Encoder *e = NULL;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &ENCODER) == LUA_TUSERDATA) e = lua_touserdata(L, -1);
    if (e && !e->busy) return e;
    lua_pop(L, 1);
    Encoder *fresh = encoder_new(L);
    if (!e) {
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &ENCODER);
    }
    return fresh;
}

static void encoder_open(Encoder *e, lua_State *L, Buffer *to) {
    e->busy = true;
    e->L = L;
    e->to = to;
    e->base = buffer_size(to);
    e->depth = 0;
    e->late = 0;
}

static void encoder_close(Encoder *e) {
    seen_clear(&e->seen);
    shapes_clear(&e->shapes);
    e->busy = false;
}

void codec_encode(lua_State *L, int first, int count, Buffer *to) {
    first = lua_absindex(L, first);
    luaL_checkstack(L, count + 4, "too many values to encode");
    Encoder *e = encoder_take(L);
    lua_pushcfunction(L, encode_message);
    lua_pushlightuserdata(L, e);
    for (int i = 0; i < count; i++) lua_pushvalue(L, first + i);
    encoder_open(e, L, to);
    int status = lua_pcall(L, count + 1, 0, 0);
    encoder_close(e);
    if (status != 0) {
        to->end = to->start + e->base;
        lua_error(L);
    }
    lua_pop(L, 1);
}
