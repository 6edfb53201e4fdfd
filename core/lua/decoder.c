/* Decoder - the codec's reading half. The format is told in codec_format.h. */
#include <stdbool.h>

#include "core/lua/codec.h"
#include "core/lua/codec_format.h"
#include "core/lua/library.h"
#include "core/lua/types.h"

typedef struct {
    lua_State *L;
    const char *start, *at, *end;
    size_t owed;    // values that are announced but not read yet: each needs a byte at least
    int depth;      // tables around the value at hand
    bool functions; // are allowed
    // Stack index of the table of what is referred to, nil while it is empty.
    // A place leads to the value there, or for an upvalue to its function; a
    // negated place to a shape's list of keys, or to an upvalue's number.
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

// Every enter_nested is followed by a leave_nested.
static void enter_nested(Decoder *d) {
    if (++d->depth > DEEPEST) damaged(d, "values are nested too deeply");
    luaL_checkstack(d->L, MOST_FIELDS + LUA_MINSTACK, "damaged message");
}

static void leave_nested(Decoder *d) {
    d->depth--;
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

static void decode_fields(Decoder *d, lua_Integer place, lua_Integer shape) {
    lua_State *L = d->L;
    uint64_t count = take_varint(d);
    if (count > MOST_FIELDS) damaged(d, "a record of too many fields");
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
    recall(d, -take_place(d), "a record of no known shape");
    if (lua_type(L, -1) != LUA_TTABLE) damaged(d, "a record of no known shape");
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

// A table whose tag is at tag_place, to be remembered as `place` unless that is 0.
static void decode_table(Decoder *d, int tag, lua_Integer tag_place, lua_Integer place) {
    if (tag == TAG_LATER) return new_table(d, 0, 0, place);
    enter_nested(d);
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
    default: damaged(d, "a value of no known kind");
    }
    leave_nested(d);
}

// ---- functions

static void check_trust(Decoder *d) {
    if (!d->functions) damaged(d, "functions are not accepted here");
}

static void decode_library(Decoder *d, lua_Integer place) {
    lua_State *L = d->L;
    check_trust(d);
    decode_value(d);
    if (lua_type(L, -1) != LUA_TSTRING) damaged(d, "a library's name is not a string");
    size_t size;
    const char *name = lua_tolstring(L, -1, &size);
    library_push(L, name, size);
    lua_remove(L, -2);
    if (place) remember(d, place);
}

// With the function on top of the stack: joins its upvalue i to another function's.
static void decode_joined(Decoder *d, int i) {
    lua_State *L = d->L;
    lua_Integer place = take_place(d);
    recall(d, place, "a reference to no upvalue");
    recall(d, -place, "a reference to no upvalue");
    bool valid = lua_type(L, -2) == LUA_TFUNCTION && lua_type(L, -1) == LUA_TNUMBER;
    if (!valid || !lua_getupvalue(L, -2, (int)lua_tointeger(L, -1)))
        damaged(d, "a reference to no upvalue");
    lua_upvaluejoin(L, -4, i, -3, (int)lua_tointeger(L, -2));
    lua_pop(L, 3);
}

static void remember_upvalue(Decoder *d, int i, lua_Integer place) {
    remember(d, place);
    lua_pushinteger(d->L, i);
    remember(d, -place);
    lua_pop(d->L, 1);
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
    case TAG_UPVALUE: decode_value(d); break;
    default: damaged(d, "an upvalue of no known kind");
    }
    lua_setupvalue(L, -2, i);
}

// Of the function on top of the stack.
static void decode_upvalues(Decoder *d) {
    lua_State *L = d->L;
    lua_Debug info;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">u", &info);
    uint64_t count = take_varint(d);
    if (count != (uint64_t)info.nups) damaged(d, "a function of another number of upvalues");
    announce(d, count);
    for (int i = 1; i <= (int)count; i++) decode_upvalue(d, i);
}

static void decode_function(Decoder *d, lua_Integer place, bool more) {
    lua_State *L = d->L;
    check_trust(d);
    size_t size = take_counter(d);
    if (luaL_loadbufferx(L, take(d, size), size, "=function", "b") != 0) lua_error(L);
    if (place) remember(d, place);
    if (!more) return;
    enter_nested(d);
    decode_upvalues(d);
    leave_nested(d);
}

// ---- values of registered types, and such as say how they are made

static void decode_later(Decoder *d);

// Pushes the type whose name comes next.
static void decode_type(Decoder *d) {
    lua_State *L = d->L;
    decode_value(d);
    if (lua_type(L, -1) != LUA_TSTRING) damaged(d, "a type's name is not a string");
    if (!types_push_named(L, -1))
        luaL_error(L, "no type '%s' is registered in this process", lua_tostring(L, -1));
    lua_remove(L, -2);
}

static void set_type(Decoder *d, int type) {
    lua_rawgeti(d->L, type, TYPE_METATABLE);
    lua_setmetatable(d->L, -2);
}

static void decode_typed(Decoder *d, lua_Integer place) {
    lua_State *L = d->L;
    decode_type(d);
    int type = lua_gettop(L);
    lua_Integer tag_place = d->at - d->start;
    decode_table(d, (unsigned char)*take(d, 1), tag_place, place);
    set_type(d, type);
    lua_remove(L, type);
}

static void decode_object(Decoder *d, lua_Integer place) {
    lua_State *L = d->L;
    enter_nested(d);
    decode_type(d);
    int type = lua_gettop(L);
    decode_value(d);
    decode_later(d);
    if (lua_rawgeti(L, type, TYPE_LOAD) != LUA_TNIL) {
        lua_insert(L, -2);
        lua_call(L, 1, 1);
    } else {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TTABLE)
            luaL_error(L, "a type without load was dumped as a %s", luaL_typename(L, -1));
        set_type(d, type);
    }
    lua_remove(L, type);
    if (place) remember(d, place);
    leave_nested(d);
}

static void decode_call(Decoder *d, lua_Integer place) {
    lua_State *L = d->L;
    check_trust(d);
    enter_nested(d);
    uint64_t count = take_varint(d);
    announce(d, count);
    if (count < 1 || count > INT32_MAX || !lua_checkstack(L, (int)count + LUA_MINSTACK))
        damaged(d, "a call of too few or too many values");
    for (uint64_t i = 0; i < count; i++) decode_owed(d);
    decode_later(d);
    lua_call(L, (int)count - 1, 1);
    if (place) remember(d, place);
    leave_nested(d);
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
    case TAG_REFERENCE: return recall(d, take_place(d), "a reference to nothing");
    case TAG_LIBRARY: return decode_library(d, place);
    case TAG_FUNCTION:
    case TAG_FUNCTION | TAG_MORE: return decode_function(d, place, tag & TAG_MORE);
    case TAG_TYPED: return decode_typed(d, place);
    case TAG_OBJECT: return decode_object(d, place);
    case TAG_CALL: return decode_call(d, place);
    default: return decode_table(d, tag, tag_place, place);
    }
}

static void decode_value(Decoder *d) {
    lua_Integer place = d->at - d->start;
    int tag = (unsigned char)*take(d, 1);
    if (tag & TAG_SMALL_INTEGER)
        return lua_pushinteger(d->L, (tag & ~TAG_SMALL_INTEGER) + SMALL_LEAST);
    lua_Integer name = tag & TAG_SHARED ? place : 0;
    if (tag & TAG_SHORT_STRING) return decode_string(d, tag & SHORT_STRING, name);
    decode_tagged(d, tag & ~TAG_SHARED, place, name);
}

// ---- the message

static void decode_contents(Decoder *d) {
    switch (lua_type(d->L, -1)) {
    case LUA_TTABLE: {
        uint64_t items = take_varint(d);
        announce(d, items);
        decode_items(d, items);
        return decode_more(d, true);
    }
    case LUA_TFUNCTION:
        check_trust(d);
        if (!lua_iscfunction(d->L, -1)) return decode_upvalues(d);
    }
    damaged(d, "contents of what has none");
}

static void decode_later(Decoder *d) {
    int depth = d->depth;
    if (depth == 0) d->depth = 1;
    luaL_checkstack(d->L, LUA_MINSTACK, "damaged message");
    for (lua_Integer place; (place = take_place(d)) != 0;) {
        recall(d, place, "contents of nothing");
        decode_contents(d);
        lua_pop(d->L, 1);
    }
    d->depth = depth;
}

static int decode(lua_State *L, const char *bytes, size_t size, bool functions) {
    luaL_checkstack(L, LUA_MINSTACK, "too many values to decode");
    lua_pushnil(L);
    Decoder d = {
        .L = L,
        .start = bytes,
        .at = bytes,
        .end = bytes + size,
        .functions = functions,
        .known = lua_gettop(L),
    };
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

int codec_decode(lua_State *L, const char *bytes, size_t size) {
    return decode(L, bytes, size, false);
}

int codec_decode_trusted(lua_State *L, const char *bytes, size_t size) {
    return decode(L, bytes, size, true);
}
