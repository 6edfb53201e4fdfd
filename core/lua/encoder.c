/* Encoder - the codec's writing half. The format is told in codec_format.h. */
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/lua/codec.h"
#include "core/lua/codec_format.h"
#include "core/lua/library.h"
#include "core/lua/path.h"
#include "core/lua/seen.h"
#include "core/lua/shapes.h"
#include "core/lua/types.h"

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
    bool functions; // may be in the message
    bool types;     // are registered, so that metatables matter

    int later; // stack index of the list of what was put off, nil while there is nothing
    size_t late;
    int kept; // stack index of a list of what dump functions returned, nil while there is nothing
    size_t keeps;

    size_t making[DEEPEST]; // places of the objects around the value at hand
    int makes;
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

// The place of an object that is in the message already, marked as referred
// to. Otherwise 0, and the value written next is noted as the object.
static size_t place_of(Encoder *e, const void *object) {
    size_t place = here(e);
    switch (seen_note(&e->seen, object, &place)) {
    case -1: out_of_memory(e); return 0;
    case 1: return 0;
    }
    *byte_at(e, place) |= TAG_SHARED;
    return place;
}

// True when the object is in the message already; it is then referred to.
static bool put_reference(Encoder *e, const void *object) {
    size_t place = place_of(e, object);
    if (!place) return false;
    for (int i = 0; i < e->makes; i++)
        if (e->making[i] == place)
            luaL_error(e->L, "what an object's dump returns cannot hold the object");
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
    case LUA_TTHREAD: return "a coroutine";
    case LUA_TUSERDATA:
        return luaL_testudata(L, index, LUA_FILEHANDLE) ? "an open file" : "a userdata";
    case LUA_TLIGHTUSERDATA: return "a userdata";
    default: return lua_pushfstring(L, "a %s", luaL_typename(L, index));
    }
}

#define FOREIGN  "cannot leave its process"
#define TOO_DEEP "is nested too deeply to leave its process"

// Raises that the value cannot be sent, and where it is.
static void refuse(Encoder *e, int index, const char *reason) {
    lua_State *L = e->L;
    luaL_checkstack(L, LUA_MINSTACK, "no room to tell what cannot be sent");
    const char *kind = kind_name(L, index);
    bool inside = path_push(L, e->first, e->count, index);
    const char *path = inside ? lua_tostring(L, -1) : "";
    lua_pushfstring(L, "%s%s%s %s", path, inside ? ": " : "", kind, reason);
    lua_error(L);
}

// ---- tables

static void encode_value(Encoder *e, int index);
static bool encode_typed(Encoder *e, int index);

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

// The place of four bytes to be filled in by set_counter.
static size_t put_counter(Encoder *e) {
    size_t counter = here(e);
    memset(room(e, sizeof(uint32_t)), 0, sizeof(uint32_t));
    buffer_added(e->to, sizeof(uint32_t));
    return counter;
}

static void set_counter(Encoder *e, size_t counter, size_t count) {
    uint32_t number = (uint32_t)count;
    memcpy(byte_at(e, counter), &number, sizeof number);
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
    set_counter(e, counter, count);
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

// Adds a value to a list that is made when it is needed.
static void list_add(lua_State *L, int list, size_t *count, int value) {
    if (lua_type(L, list) == LUA_TNIL) {
        lua_newtable(L);
        lua_replace(L, list);
    }
    lua_pushvalue(L, value);
    lua_rawseti(L, list, (lua_Integer)++ * count);
}

static void put_off(Encoder *e, int index) {
    list_add(e->L, e->later, &e->late, index);
}

// The table itself, whatever its type.
static void encode_plain(Encoder *e, int table) {
    if (e->depth == DEEPEST) {
        put_byte(e, TAG_LATER);
        return put_off(e, table);
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

static void encode_table(Encoder *e, int table) {
    if (put_reference(e, lua_topointer(e->L, table)) || encode_typed(e, table)) return;
    encode_plain(e, table);
}

// ---- functions

static int write_code(lua_State *L, const void *bytes, size_t size, void *encoder) {
    Encoder *e = encoder;
    (void)L;
    return buffer_append(e->to, bytes, size);
}

static void put_code(Encoder *e, int function) {
    size_t counter = put_counter(e);
    lua_pushvalue(e->L, function);
    if (lua_dump(e->L, write_code, e, 0) != 0) out_of_memory(e);
    lua_pop(e->L, 1);
    size_t size = here(e) - counter - sizeof(uint32_t);
    if (size > UINT32_MAX) luaL_error(e->L, "a function of too much code");
    set_counter(e, counter, size);
}

static bool is_globals(const char *name) {
    return LUA_VERSION_NUM >= 502 && strcmp(name, "_ENV") == 0;
}

// Functions and modules by name, as far as they have one.
static bool encode_library(Encoder *e, int index) {
    if (!library_push_name(e->L, index)) return false;
    put_byte(e, TAG_LIBRARY);
    encode_string(e, lua_gettop(e->L));
    lua_pop(e->L, 1);
    return true;
}

// The value on top of the stack is that of upvalue i.
static void encode_upvalue(Encoder *e, int function, int i, const char *name) {
    int value = lua_gettop(e->L);
    size_t place = place_of(e, lua_upvalueid(e->L, function, i));
    if (place) return put_tagged_varint(e, TAG_JOINED, place);
    if (is_globals(name)) return put_byte(e, TAG_GLOBALS);
    put_byte(e, TAG_UPVALUE);
    // Modules go by name from here only: looking up every table would be slow.
    if (lua_type(e->L, value) == LUA_TTABLE && encode_library(e, value)) return;
    encode_value(e, value);
}

static void encode_upvalues(Encoder *e, int function) {
    lua_State *L = e->L;
    lua_Debug info;
    lua_pushvalue(L, function);
    lua_getinfo(L, ">u", &info);
    put_varint(e, info.nups);
    for (int i = 1; i <= info.nups; i++) {
        encode_upvalue(e, function, i, lua_getupvalue(L, function, i));
        lua_pop(L, 1);
    }
}

static void encode_closure(Encoder *e, int function) {
    bool deep = e->depth == DEEPEST;
    luaL_checkstack(e->L, LUA_MINSTACK, "too many values to encode");
    put_byte(e, deep ? TAG_FUNCTION : TAG_FUNCTION | TAG_MORE);
    put_code(e, function);
    if (deep) return put_off(e, function);
    e->depth++;
    encode_upvalues(e, function);
    e->depth--;
}

static void encode_function(Encoder *e, int index) {
    if (!e->functions) refuse(e, index, FOREIGN);
    if (put_reference(e, lua_topointer(e->L, index)) || encode_library(e, index)) return;
    if (lua_iscfunction(e->L, index)) refuse(e, index, FOREIGN);
    encode_closure(e, index);
}

// ---- values of registered types, and such as say how they are made

static void encode_later(Encoder *e, size_t from);

// Encodes values that must be whole before the object around them is made, so
// what they put off is not put off further than to their end.
static void encode_parts(Encoder *e, int object, size_t place, int first, int count) {
    if (e->depth == DEEPEST) refuse(e, object, TOO_DEEP);
    e->making[e->makes++] = place;
    e->depth++;
    size_t late = e->late;
    for (int i = 0; i < count; i++) encode_value(e, first + i);
    encode_later(e, late);
    e->depth--;
    e->makes--;
}

// Keeps what user code returned until the message is done, lest its address
// become that of another object, which would then be taken for it.
static void keep(Encoder *e, int first, int count) {
    for (int i = 0; i < count; i++) list_add(e->L, e->kept, &e->keeps, first + i);
}

static void put_type_name(Encoder *e, int tag, int type) {
    put_byte(e, tag);
    lua_rawgeti(e->L, type, TYPE_NAME);
    encode_string(e, lua_gettop(e->L));
    lua_pop(e->L, 1);
}

// An object of a type without dump: the table is itself what it is made of.
static void encode_made_of_itself(Encoder *e, int object, size_t place) {
    if (e->depth >= DEEPEST - 1) refuse(e, object, TOO_DEEP);
    size_t late = e->late;
    e->making[e->makes++] = place;
    e->depth++;
    encode_plain(e, object);
    encode_later(e, late);
    e->depth--;
    e->makes--;
}

// The type has load, dump or both; dump is at the top of the stack, or nil.
static void encode_object(Encoder *e, int object, int type) {
    lua_State *L = e->L;
    size_t place = here(e);
    int dump = lua_gettop(L);
    put_type_name(e, TAG_OBJECT, type);
    if (lua_type(L, dump) == LUA_TNIL) return encode_made_of_itself(e, object, place);
    lua_pushvalue(L, object);
    lua_call(L, 1, 1);
    keep(e, dump, 1);
    encode_parts(e, object, place, dump, 1);
}

// A userdata without registered type whose metatable has __serialize, which
// returns a function and the arguments with which to call it over there.
static bool encode_call(Encoder *e, int object) {
    lua_State *L = e->L;
    int top = lua_gettop(L);
    if (!e->functions || !lua_getmetatable(L, object)) return false;
    lua_pushliteral(L, "__serialize");
    if (lua_rawget(L, top + 1) == LUA_TNIL) {
        lua_settop(L, top);
        return false;
    }
    size_t place = here(e);
    lua_pushvalue(L, object);
    lua_call(L, 1, LUA_MULTRET);
    int count = lua_gettop(L) - top - 1;
    luaL_checkstack(L, LUA_MINSTACK, "too many values to encode");
    if (count == 0 || lua_type(L, top + 2) != LUA_TFUNCTION)
        refuse(e, object, "whose __serialize returns no function " FOREIGN);
    keep(e, top + 2, count);
    put_tagged_varint(e, TAG_CALL, (uint64_t)count);
    encode_parts(e, object, place, top + 2, count);
    lua_settop(L, top);
    return true;
}

static bool encode_typed(Encoder *e, int index) {
    lua_State *L = e->L;
    int top = lua_gettop(L);
    bool table = lua_type(L, index) == LUA_TTABLE;
    if (!e->types || !types_push_of(L, index)) return false;
    luaL_checkstack(L, LUA_MINSTACK, "too many values to encode");
    lua_rawgeti(L, top + 1, TYPE_LOAD);
    lua_rawgeti(L, top + 1, TYPE_DUMP);
    bool loads = lua_type(L, top + 2) != LUA_TNIL, dumps = lua_type(L, top + 3) != LUA_TNIL;
    if (!table && !(loads && dumps)) refuse(e, index, "whose type lacks dump or load " FOREIGN);
    if (loads || dumps) {
        encode_object(e, index, top + 1);
    } else {
        put_type_name(e, TAG_TYPED, top + 1);
        encode_plain(e, index);
    }
    lua_settop(L, top);
    return true;
}

static void encode_userdata(Encoder *e, int index) {
    if (put_reference(e, lua_touserdata(e->L, index))) return;
    if (!encode_typed(e, index) && !encode_call(e, index)) refuse(e, index, FOREIGN);
}

// ---- any value

static void encode_value(Encoder *e, int index) {
    switch (lua_type(e->L, index)) {
    case LUA_TNIL: return put_byte(e, TAG_NIL);
    case LUA_TBOOLEAN: return put_byte(e, lua_toboolean(e->L, index) ? TAG_TRUE : TAG_FALSE);
    case LUA_TNUMBER: return encode_number(e, index);
    case LUA_TSTRING: return encode_string(e, index);
    case LUA_TTABLE: return encode_table(e, index);
    case LUA_TFUNCTION: return encode_function(e, index);
    case LUA_TUSERDATA: return encode_userdata(e, index);
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(e->L, index)) return put_byte(e, TAG_NULL);
    }
    refuse(e, index, FOREIGN);
}

// ---- the message

static void encode_contents(Encoder *e, int index) {
    if (lua_type(e->L, index) == LUA_TFUNCTION) return encode_upvalues(e, index);
    size_t items = lua_rawlen(e->L, index);
    put_varint(e, items);
    encode_scattered(e, index, 1, items);
}

// What was put off since there were `from` such things, and what these put off.
static void encode_later(Encoder *e, size_t from) {
    lua_State *L = e->L;
    int depth = e->depth;
    if (depth == 0) e->depth = 1;
    for (size_t i = from + 1; i <= e->late; i++) {
        lua_rawgeti(L, e->later, (lua_Integer)i);
        int index = lua_gettop(L);
        put_varint(e, place_of(e, lua_topointer(L, index)));
        encode_contents(e, index);
        lua_settop(L, index - 1);
    }
    put_varint(e, 0);
    e->late = from;
    e->depth = depth;
}

// encode(encoder, ...), under pcall so that whatever is raised, the buffer can be set back
static int encode_message(lua_State *L) {
    Encoder *e = lua_touserdata(L, 1);
    e->later = lua_gettop(L) + 1;
    e->first = 2;
    e->count = lua_gettop(L) - 1;
    e->kept = e->later + 1;
    lua_settop(L, e->kept);
    put_varint(e, (uint64_t)e->count);
    for (int i = 0; i < e->count; i++) encode_value(e, e->first + i);
    encode_later(e, 0);
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

static void encoder_open(Encoder *e, lua_State *L, Buffer *to, bool functions) {
    e->busy = true;
    e->L = L;
    e->to = to;
    e->base = buffer_size(to);
    e->depth = 0;
    e->functions = functions;
    e->types = types_any(L);
    e->late = e->keeps = 0;
    e->makes = 0;
}

static void encoder_close(Encoder *e) {
    seen_clear(&e->seen);
    shapes_clear(&e->shapes);
    e->busy = false;
}

static void encode(lua_State *L, int first, int count, Buffer *to, bool functions) {
    first = lua_absindex(L, first);
    luaL_checkstack(L, count + 4, "too many values to encode");
    Encoder *e = encoder_take(L);
    lua_pushcfunction(L, encode_message);
    lua_pushlightuserdata(L, e);
    for (int i = 0; i < count; i++) lua_pushvalue(L, first + i);
    encoder_open(e, L, to, functions);
    int status = lua_pcall(L, count + 1, 0, 0);
    encoder_close(e);
    if (status != 0) {
        to->end = to->start + e->base;
        lua_error(L);
    }
    lua_pop(L, 1);
}

void codec_encode(lua_State *L, int first, int count, Buffer *to) {
    encode(L, first, count, to, false);
}

void codec_encode_trusted(lua_State *L, int first, int count, Buffer *to) {
    encode(L, first, count, to, true);
}
