#include "core/lua/value.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "core/lua/codec.h"
#include "core/shuffle/ordered.h"

int value_error(lua_State *L, const char *what) {
    if (errno == ENOMEM) return luaL_error(L, "not enough memory");
    if (errno == EBADMSG) return luaL_error(L, "%s: damaged data", what);
    if (errno == EUCLEAN) return luaL_error(L, "%s: spill file damaged", what);
    return luaL_error(L, "%s: %s", what, strerror(errno));
}

static void check(lua_State *L, int result) {
    if (result == -1) value_error(L, "cannot read a value");
}

/* ---- encoding ---- */

static bool is_scalar(lua_State *L, int index) {
    int type = lua_type(L, index);
    return type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TBOOLEAN;
}

// True for a table whose keys are 1 to n, without a metatable, and whose values are scalars.
static bool is_scalar_list(lua_State *L, int index) {
    if (lua_getmetatable(L, index)) {
        lua_pop(L, 1);
        return false;
    }
    size_t length = lua_rawlen(L, index), count = 0;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        bool fits = lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1 &&
                    (size_t)lua_tointeger(L, -2) <= length && is_scalar(L, -1);
        lua_pop(L, fits ? 1 : 2);
        if (!fits) return false;
        count++;
    }
    return count == length;
}

static int encode_number(lua_State *L, int index, Buffer *to) {
    if (lua_isinteger(L, index)) return ordered_integer(to, lua_tointeger(L, index));
    return ordered_float(to, lua_tonumber(L, index));
}

static int encode_scalar(lua_State *L, int index, Buffer *to, bool in_list) {
    size_t size;
    if (lua_type(L, index) == LUA_TNUMBER) return encode_number(L, index, to);
    if (lua_type(L, index) == LUA_TBOOLEAN) return ordered_boolean(to, lua_toboolean(L, index));
    const char *bytes = lua_tolstring(L, index, &size);
    return (in_list ? ordered_element : ordered_string)(to, bytes, size);
}

typedef int EncodeScalar(lua_State *L, int index, Buffer *to, bool in_list);

static int encode_list(lua_State *L, int index, Buffer *to, EncodeScalar *encode) {
    int length = (int)lua_rawlen(L, index);
    if (ordered_list_begin(to) == -1) return -1;
    for (int i = 1; i <= length; i++) {
        lua_rawgeti(L, index, i);
        int result = encode(L, lua_gettop(L), to, true);
        lua_pop(L, 1);
        if (result == -1) return -1;
    }
    return ordered_list_end(to);
}

// The codec tells a path and a reason; encode_other puts in front what that hinders.
static int encode_opaque(lua_State *L) {
    codec_encode(L, 1, 1, lua_touserdata(L, 2));
    return 0;
}

static void encode_other(lua_State *L, int index, Buffer *to) {
    check(L, buffer_append_byte(to, (uint8_t)VALUE_OPAQUE));
    lua_pushcfunction(L, encode_opaque);
    lua_pushvalue(L, index);
    lua_pushlightuserdata(L, to);
    int status = lua_pcall(L, 2, 0, 0);
    if (status == 0) return;
    if (status == LUA_ERRMEM || !lua_isstring(L, -1)) lua_error(L);
    if (strstr(lua_tostring(L, -1), "not enough memory")) luaL_error(L, "not enough memory");
    luaL_error(L, "cannot emit value: %s", lua_tostring(L, -1));
}

void value_encode(lua_State *L, int index, Buffer *to) {
    index = lua_absindex(L, index);
    if (is_scalar(L, index))
        check(L, encode_scalar(L, index, to, false));
    else if (lua_isnoneornil(L, index))
        luaL_error(L, "cannot send nil");
    else if (lua_istable(L, index) && is_scalar_list(L, index))
        check(L, encode_list(L, index, to, encode_scalar));
    else
        encode_other(L, index, to);
}

static int encode_key_scalar(lua_State *L, int index, Buffer *to, bool in_list) {
    lua_Number number = lua_tonumber(L, index);
    if (lua_type(L, index) != LUA_TNUMBER || lua_isinteger(L, index))
        return encode_scalar(L, index, to, in_list);
    if (isnan(number)) return luaL_error(L, "cannot emit key: it is not a number (nan)");
    if (number == floor(number) && number >= -0x1p63 && number < 0x1p63)
        return ordered_integer(to, (int64_t)number);
    return ordered_float(to, number);
}

void key_encode(lua_State *L, int index, Buffer *to) {
    index = lua_absindex(L, index);
    if (is_scalar(L, index))
        check(L, encode_key_scalar(L, index, to, false));
    else if (lua_istable(L, index) && is_scalar_list(L, index))
        check(L, encode_list(L, index, to, encode_key_scalar));
    else if (lua_isnil(L, index))
        luaL_error(L, "cannot emit key: cannot send nil");
    else
        luaL_error(L,
                   "cannot emit key: expected a string, number, boolean or a list of them, got %s",
                   lua_istable(L, index) ? "another table" : luaL_typename(L, index));
}

/* ---- decoding ---- */

static void push_string(lua_State *L, const OrderedItem *item) {
    size_t size = item->string.size - item->string.escapes;
    if (!item->string.escapes) {
        lua_pushlstring(L, item->string.bytes, size);
        return;
    }
    char *copy = lua_newuserdatauv(L, size, 0);
    item_copy(item, copy);
    lua_pushlstring(L, copy, size);
    lua_remove(L, -2);
}

static void push_scalar(lua_State *L, const OrderedItem *item) {
    switch (item->kind) {
    case ITEM_BOOLEAN: lua_pushboolean(L, item->boolean); break;
    case ITEM_INTEGER: lua_pushinteger(L, item->integer); break;
    case ITEM_FLOAT: lua_pushnumber(L, item->number); break;
    case ITEM_STRING: push_string(L, item); break;
    default: luaL_error(L, "cannot read a value: damaged data");
    }
}

static void push_list(lua_State *L, OrderedReader *reader) {
    OrderedItem item;
    lua_newtable(L);
    for (int i = 1;; i++) {
        check(L, ordered_next(reader, &item));
        if (item.kind == ITEM_END) return;
        push_scalar(L, &item);
        lua_rawseti(L, -2, i);
    }
}

static void push_ordered(lua_State *L, const char *bytes, size_t size) {
    OrderedReader reader = {bytes, bytes + size, false};
    OrderedItem item = {.kind = ITEM_END};
    check(L, ordered_next(&reader, &item));
    if (item.kind == ITEM_LIST)
        push_list(L, &reader);
    else
        push_scalar(L, &item);
}

static void push_sequence(lua_State *L, const char *at, const char *end) {
    const char *value;
    size_t size;
    int found;
    lua_newtable(L);
    for (int i = 1; (found = sequence_next(&at, end, &value, &size)) == 1; i++) {
        if (*value == VALUE_SEQUENCE) luaL_error(L, "cannot read a value: damaged data");
        value_push(L, value, size);
        lua_rawseti(L, -2, i);
    }
    check(L, found);
}

static void push_histogram(lua_State *L, const char *at, const char *end) {
    const char *value;
    size_t size;
    uint64_t times;
    int found;
    lua_newtable(L);
    while ((found = histogram_next(&at, end, &value, &size, &times)) == 1) {
        if (*value == VALUE_HISTOGRAM) luaL_error(L, "cannot read a value: damaged data");
        value_push(L, value, size);
        lua_pushinteger(L, (lua_Integer)times);
        lua_rawset(L, -3);
    }
    check(L, found);
}

void value_push(lua_State *L, const char *bytes, size_t size) {
    luaL_checkstack(L, 8, "too many values");
    if (size && *bytes == VALUE_NONE)
        lua_pushinteger(L, 1);
    else if (size && *bytes == VALUE_SEQUENCE)
        push_sequence(L, bytes + 1, bytes + size);
    else if (size && *bytes == VALUE_HISTOGRAM)
        push_histogram(L, bytes + 1, bytes + size);
    else if (!size || *bytes != VALUE_OPAQUE)
        push_ordered(L, bytes, size);
    else if (codec_decode(L, bytes + 1, size - 1) != 1)
        luaL_error(L, "cannot read a value: damaged data");
}

const char *key_describe(lua_State *L, const char *bytes, size_t size) {
    if (size && *bytes == ORDERED_LIST)
        lua_pushliteral(L, "a list");
    else
        value_push(L, bytes, size);
    if (lua_isboolean(L, -1)) lua_pushstring(L, lua_toboolean(L, -1) ? "true" : "false");
    return lua_tostring(L, -1);
}
