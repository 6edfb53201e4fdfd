#include "core/lua/calls.h"

#include <string.h>

#include "core/lua/bytes.h"
#include "core/lua/codec.h"
#include "core/lua/codec_format.h"
#include "core/lua/core.h"
#include "core/os/clock.h"
#include "core/wire/buffer.h"

static const char CALLS[] = "parallel.core.calls";

static const char NOTHING[] = {0}; // in place of a large call: a message of no bytes

enum { MOST_PLAIN = CALLS_PLAIN - 1 }; // bytes of a message whose size is one byte

struct Calls {
    Buffer bytes;
    Buffer began; // a clock_now for each
    Bulk *bulk;   // whose bytes these are, once they were asked for and are many; NULL: none
};

Calls *calls_check(lua_State *L, int index) {
    return luaL_checkudata(L, index, CALLS);
}

static Calls *push(lua_State *L) {
    Calls *calls = lua_newuserdatauv(L, sizeof *calls, 0);
    *calls = (Calls){0};
    luaL_setmetatable(L, CALLS);
    return calls;
}

static void free_bytes(Calls *calls) {
    if (calls->bulk) calls->bytes = (Buffer){0};
    buffer_free(&calls->bytes);
    bulk_drop(calls->bulk);
    calls->bulk = NULL;
}

static int calls_gc(lua_State *L) {
    Calls *calls = lua_touserdata(L, 1);
    free_bytes(calls);
    buffer_free(&calls->began);
    return 0;
}

static int calls_release(lua_State *L) {
    free_bytes(calls_check(L, 1));
    return 0;
}

// ---- reading -------------------------------------------------------------

bool calls_next(const char **at, const char *end, uint64_t *size) {
    return varint_read(at, end, size) && *size <= (uint64_t)(end - *at);
}

lua_Integer calls_count(const char *bytes, size_t size) {
    const char *end = bytes + size;
    lua_Integer count = 0;
    for (uint64_t length; bytes < end; bytes += length, count++)
        if (!calls_next(&bytes, end, &length)) return -1;
    return count;
}

const uint64_t *calls_began(lua_State *L, int index, size_t *count) {
    const Buffer *began = &calls_check(L, index)->began;
    *count = buffer_size(began) / sizeof(uint64_t);
    return (const uint64_t *)(const void *)buffer_bytes(began);
}

// ---- adding --------------------------------------------------------------

void calls_reserve(lua_State *L, Calls *calls, size_t bytes, size_t count) {
    if (buffer_reserve(&calls->bytes, bytes) == -1 ||
        buffer_reserve(&calls->began, count * sizeof(uint64_t)) == -1)
        luaL_error(L, "not enough memory");
}

// The bytes at the end of the reserved room are a call made now.
static void added(Calls *calls, size_t size) {
    uint64_t now = clock_now();
    buffer_added(&calls->bytes, size);
    memcpy(buffer_tail(&calls->began), &now, sizeof now);
    buffer_added(&calls->began, sizeof now);
}

// The bytes that a value may take in a message; more than fit when it takes an encoder.
static size_t plain_size(lua_State *L, int index) {
    switch (lua_type(L, index)) {
    case LUA_TNIL:
    case LUA_TBOOLEAN: return 1;
    case LUA_TNUMBER: return 1 + VARINT_MAX;
    case LUA_TSTRING: {
        size_t size = lua_rawlen(L, index);
        return size <= SHORT_STRING ? 1 + size : MOST_PLAIN;
    }
    default: return MOST_PLAIN;
    }
}

bool calls_are_plain(lua_State *L, int first, int last) {
    size_t size = VARINT_MAX;
    for (int i = first; i <= last && size <= MOST_PLAIN; i++) size += plain_size(L, i);
    return size <= MOST_PLAIN;
}

static char *write_number(lua_State *L, int index, char *to) {
    if (!lua_isinteger(L, index)) {
        double n = lua_tonumber(L, index);
        *to++ = TAG_FLOAT;
        memcpy(to, &n, sizeof n);
        return to + sizeof n;
    }
    lua_Integer n = lua_tointeger(L, index);
    if (n >= SMALL_LEAST && n <= SMALL_MOST) {
        *to++ = (char)(TAG_SMALL_INTEGER | (int)(n - SMALL_LEAST));
        return to;
    }
    *to++ = TAG_INTEGER;
    return varint_write(to, zigzag(n));
}

static char *write_plain(lua_State *L, int index, char *to) {
    size_t size;
    const char *bytes;
    switch (lua_type(L, index)) {
    case LUA_TNIL: *to++ = TAG_NIL; return to;
    case LUA_TBOOLEAN: *to++ = lua_toboolean(L, index) ? TAG_TRUE : TAG_FALSE; return to;
    case LUA_TNUMBER: return write_number(L, index, to);
    default:
        bytes = lua_tolstring(L, index, &size);
        *to++ = (char)(TAG_SHORT_STRING | (int)size);
        memcpy(to, bytes, size);
        return to + size;
    }
}

// As codec_encode would write it, without an encoder: scalars refer to nothing.
void calls_add_plain(lua_State *L, Calls *calls, int first, int last) {
    char *size = buffer_tail(&calls->bytes), *to = size + 1;
    to = varint_write(to, (uint64_t)(last - first) + 1);
    for (int i = first; i <= last; i++) to = write_plain(L, i, to);
    *to++ = 0; // nothing was put off
    *size = (char)(to - size - 1);
    added(calls, (size_t)(to - size));
}

static int calls_add(lua_State *L) {
    Calls *calls = calls_check(L, 1);
    int last = lua_gettop(L);
    bool plain = calls_are_plain(L, 2, last);
    if (plain) {
        calls_reserve(L, calls, CALLS_PLAIN, 1);
        calls_add_plain(L, calls, 2, last);
    }
    lua_pushboolean(L, plain);
    return 1;
}

// Puts the size of a message before it, where there is room.
static void put_size(Buffer *message) {
    char size[VARINT_MAX];
    size_t length = (size_t)(varint_write(size, buffer_size(message)) - size);
    message->start -= length;
    memcpy(buffer_bytes(message), size, length);
}

static bool is_large(const Calls *call) {
    return buffer_size(&call->bytes) >= BYTES_LARGE;
}

static int core_call(lua_State *L) {
    int count = lua_gettop(L);
    Calls *call = push(L);
    lua_insert(L, 1);
    calls_reserve(L, call, VARINT_MAX, 1);
    call->bytes.start = call->bytes.end = VARINT_MAX;
    codec_encode_trusted(L, 2, count, &call->bytes);
    put_size(&call->bytes);
    added(call, 0);
    lua_pushvalue(L, 1);
    lua_insert(L, -2);
    lua_pushboolean(L, is_large(call));
    return 3;
}

size_t calls_room(const Calls *call) {
    return is_large(call) ? sizeof NOTHING : buffer_size(&call->bytes);
}

void calls_append(Calls *calls, const Calls *call) {
    const char *bytes = is_large(call) ? NOTHING : buffer_bytes(&call->bytes);
    size_t size = calls_room(call);
    memcpy(buffer_tail(&calls->bytes), bytes, size);
    added(calls, size);
}

// ---- parts ---------------------------------------------------------------

// The bytes that so many calls take, from `at` on.
static size_t length_of(lua_State *L, const char *at, const char *end, lua_Integer count) {
    const char *from = at;
    for (uint64_t size; count > 0; count--, at += size)
        if (!calls_next(&at, end, &size)) luaL_error(L, "there are fewer calls");
    return (size_t)(at - from);
}

// Adds copies of `count` calls, of which the first begins at `from` and is number `before` + 1.
static void copy(lua_State *L, const Calls *calls, Calls *copies, size_t from, size_t size,
                 size_t before, size_t count) {
    calls_reserve(L, copies, size, count);
    buffer_put(&copies->bytes, buffer_bytes(&calls->bytes) + from, size);
    buffer_put(&copies->began, buffer_bytes(&calls->began) + before * sizeof(uint64_t),
               count * sizeof(uint64_t));
}

static lua_Integer check_place(lua_State *L, const Calls *calls, int arg, lua_Integer least) {
    lua_Integer place = luaL_checkinteger(L, arg);
    size_t count = buffer_size(&calls->began) / sizeof(uint64_t);
    luaL_argcheck(L, place >= least && place <= (lua_Integer)count, arg, "there is no such call");
    return place;
}

// All calls go on as they lie there, which for large arguments saves a copy.
static void take_all(Calls *calls, Calls *taken) {
    Calls empty = *taken;
    *taken = *calls;
    *calls = empty;
}

static void take_some(lua_State *L, Calls *calls, Calls *taken, size_t count) {
    const char *start = buffer_bytes(&calls->bytes);
    size_t size = length_of(L, start, start + buffer_size(&calls->bytes), (lua_Integer)count);
    copy(L, calls, taken, 0, size, 0, count);
    buffer_consume(&calls->bytes, size);
    buffer_consume(&calls->began, count * sizeof(uint64_t));
}

static int calls_take(lua_State *L) {
    Calls *calls = calls_check(L, 1), *taken = calls_check(L, 3);
    size_t count = (size_t)check_place(L, calls, 2, 0);
    luaL_argcheck(L, buffer_size(&taken->began) == 0, 3, "there are calls in it");
    bool all = count * sizeof(uint64_t) == buffer_size(&calls->began);
    if (all && buffer_size(&calls->bytes) > MOST_PLAIN)
        take_all(calls, taken);
    else
        take_some(L, calls, taken, count);
    return 0;
}

static int calls_drop(lua_State *L) {
    Calls *calls = calls_check(L, 1);
    lua_Integer count = check_place(L, calls, 2, 0);
    const char *start = buffer_bytes(&calls->bytes), *end = start + buffer_size(&calls->bytes);
    buffer_consume(&calls->bytes, length_of(L, start, end, count));
    buffer_consume(&calls->began, (size_t)count * sizeof(uint64_t));
    return 0;
}

static int calls_cut(lua_State *L) {
    Calls *calls = calls_check(L, 1), *copies = push(L);
    lua_Integer from = check_place(L, calls, 2, 1), to = check_place(L, calls, 3, from);
    const char *start = buffer_bytes(&calls->bytes), *end = start + buffer_size(&calls->bytes);
    size_t before = length_of(L, start, end, from - 1);
    size_t size = length_of(L, start + before, end, to - from + 1);
    copy(L, calls, copies, before, size, (size_t)from - 1, (size_t)(to - from) + 1);
    return 1;
}

// They stay here too, to be cut when not all of them are run.
static int calls_bytes(lua_State *L) {
    Calls *calls = calls_check(L, 1);
    if (!calls->bulk && buffer_size(&calls->bytes) >= BYTES_LARGE) {
        Buffer view = calls->bytes;
        calls->bulk = bulk_make(&calls->bytes);
        if (!calls->bulk) return luaL_error(L, "not enough memory");
        calls->bytes = view;
    }
    if (calls->bulk)
        bytes_push(L, calls->bulk);
    else
        lua_pushlstring(L, buffer_bytes(&calls->bytes), buffer_size(&calls->bytes));
    return 1;
}

static int calls_method_began(lua_State *L) {
    lua_Integer place = check_place(L, calls_check(L, 1), 2, 1);
    size_t count;
    lua_pushnumber(L, (lua_Number)calls_began(L, 1, &count)[place - 1] / 1e9);
    return 1;
}

static int core_calls(lua_State *L) {
    push(L);
    return 1;
}

static const luaL_Reg METHODS[] = {
    {"add", calls_add},         {"take", calls_take},   {"drop", calls_drop},
    {"cut", calls_cut},         {"bytes", calls_bytes}, {"began", calls_method_began},
    {"release", calls_release}, {"__gc", calls_gc},     {NULL, NULL},
};

void calls_register(lua_State *L) {
    core_class(L, CALLS, METHODS);
    lua_pushcfunction(L, core_calls);
    lua_setfield(L, -2, "calls");
    lua_pushcfunction(L, core_call);
    lua_setfield(L, -2, "call");
}
