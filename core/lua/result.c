#include "core/lua/result.h"

#include <errno.h>
#include <string.h>

#include "core/lua/core.h"
#include "core/lua/depot.h"
#include "core/lua/order.h"
#include "core/lua/value.h"
#include "core/os/descriptor.h"
#include "core/os/sys.h"
#include "core/shuffle/narrow.h"

typedef struct {
    Buffer chunks; // of Source
    size_t memory; // for the buffers of the merge
    Merge merge;
    Buffer out;     // texts to be written
    uint64_t count; // of records, not more than the top
    uint64_t bytes; // of all records, as they are stored
    uint64_t given; // of those, since the start
    bool text, open, started;
} Result;

enum { WRITE_SIZE = 1 << 18 };

static const char RESULT_TYPE[] = "parallel.result";

static void close_result(Result *result) {
    buffer_free(&result->chunks);
    merge_close(&result->merge);
    buffer_free(&result->out);
    *result = (Result){0};
}

static int result_close(lua_State *L) {
    close_result(luaL_checkudata(L, 1, RESULT_TYPE));
    return 0;
}

static Result *check_open(lua_State *L) {
    Result *result = luaL_checkudata(L, 1, RESULT_TYPE);
    if (!result->open) luaL_error(L, "attempt to use a closed result");
    return result;
}

static void check_read(lua_State *L, int found) {
    if (found == -1) value_error(L, "cannot read results");
}

static int damaged(void) {
    errno = EBADMSG;
    return -1;
}

static int add_chunk(Result *result, const char **at, const char *end) {
    Source chunk;
    uint64_t fd;
    if (!varint_read(at, end, &fd) || fd > INT32_MAX) return damaged();
    if (!region_read(at, end, &chunk.region)) return damaged();
    chunk.fd = (int)fd;
    if (region_check(&chunk.region, chunk.fd) == -1) return -1;
    result->count += chunk.region.count;
    result->bytes += chunk.region.length;
    return buffer_append(&result->chunks, &chunk, sizeof chunk);
}

static int add_output(Result *result, const char *at, size_t size) {
    const char *end = at + size;
    uint64_t text, chunks;
    if (!varint_read(&at, end, &text) || !varint_read(&at, end, &chunks)) return damaged();
    result->text = text;
    for (uint64_t i = 0; i < chunks; i++)
        if (add_chunk(result, &at, end) == -1) return -1;
    return 0;
}

// The buffers of a merge are large: one that nobody reads has none.
static int start(Result *result) {
    if (result->started) return 0;
    const Source *chunks = (const Source *)(const void *)buffer_bytes(&result->chunks);
    size_t count = buffer_size(&result->chunks) / sizeof *chunks;
    if (merge_add_all(&result->merge, chunks, count, result->memory) == -1) return -1;
    if (merge_start(&result->merge) == -1) return -1;
    result->started = true;
    return 0;
}

static Result *new_result(lua_State *L, size_t memory) {
    Result *result = lua_newuserdatauv(L, sizeof *result, 0);
    *result = (Result){.open = true, .memory = memory};
    luaL_setmetatable(L, RESULT_TYPE);
    return result;
}

static int result_copy(lua_State *L) {
    const Result *from = check_open(L);
    Result *result = new_result(L, from->memory);
    result->count = from->count;
    result->text = from->text;
    check_read(
        L, buffer_append(&result->chunks, buffer_bytes(&from->chunks), buffer_size(&from->chunks)));
    return 1;
}

static int result_count(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)check_open(L)->count);
    return 1;
}

static int result_bytes(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)check_open(L)->bytes);
    return 1;
}

typedef struct {
    const char *key, *payload;
    size_t key_size, payload_size;
} Found;

// The next record, what it sorts by taken apart: 1, 0 or -1.
static int next_record(Result *result, Found *found) {
    if (result->given == result->count) return 0;
    if (start(result) == -1) return -1;
    int more = merge_record(&result->merge, &found->key, &found->key_size);
    if (more != 1) return more == -1 ? -1 : damaged();
    uint64_t rank;
    const char *at = result->merge.body, *end = at + result->merge.body_size;
    if (!varint_read(&at, end, &rank) || rank >= found->key_size) return damaged();
    found->key += rank;
    found->key_size -= rank;
    found->payload = at;
    found->payload_size = (size_t)(end - at);
    result->given++;
    return 1;
}

static int result_next(lua_State *L) {
    Result *result = check_open(L);
    if (result->text) return luaL_error(L, "these results are text, which can only be written");
    Found record;
    int found = next_record(result, &record);
    check_read(L, found);
    if (!found) return 0;
    value_push(L, record.key, record.key_size);
    value_push(L, record.payload, record.payload_size);
    return 2;
}

static int flush(Buffer *out, int fd) {
    if (descriptor_write_all(fd, buffer_bytes(out), buffer_size(out)) == -1) return -1;
    buffer_clear(out);
    return 0;
}

static int write_texts(Result *result, int fd, uint64_t most, bool *reading) {
    Found record;
    int found = 0;
    buffer_clear(&result->out);
    while (*reading = true, most-- > 0 && (found = next_record(result, &record)) == 1) {
        if (buffer_append(&result->out, record.payload, record.payload_size) == -1) return -1;
        *reading = false;
        if (buffer_size(&result->out) >= WRITE_SIZE && flush(&result->out, fd) == -1) return -1;
    }
    if (found == -1) return -1;
    *reading = false;
    return flush(&result->out, fd);
}

static int result_write(lua_State *L) {
    Result *result = check_open(L);
    int fd = (int)luaL_checkinteger(L, 2);
    uint64_t most = lua_isnoneornil(L, 3) ? UINT64_MAX : (uint64_t)luaL_checkinteger(L, 3);
    bool reading;
    if (!result->text && result->count > 0)
        return luaL_error(L, "these results are values, which have no text");
    if (write_texts(result, fd, most, &reading) == -1) {
        int error = errno;
        if (reading || error == ENOMEM) check_read(L, -1);
        lua_pushnil(L);
        lua_pushstring(L, strerror(error));
        lua_pushinteger(L, error);
        return 3;
    }
    lua_pushboolean(L, 1);
    return 1;
}

static const luaL_Reg METHODS[] = {
    {"next", result_next},
    {"copy", result_copy},
    {"count", result_count},
    {"bytes", result_bytes},
    {"write", result_write},
    {"close", result_close},
    {"__gc", result_close},
    {NULL, NULL},
};

// With little memory: as few chunks as can be merged in it.
static void narrow_chunks(lua_State *L, Result *result) {
    lua_getfield(L, 2, "memory");
    lua_getfield(L, 2, "depot");
    if (!lua_isnil(L, -1) && !lua_isnil(L, -2)) {
        Depot *depot = depot_check(L, -1);
        result->memory = (size_t)luaL_checkinteger(L, -2);
        size_t most = merge_most(result->memory, depot->block);
        if (narrow(&result->chunks, most, result->memory, depot) == -1)
            depot_error(L, depot, "cannot merge results");
    }
    lua_pop(L, 2);
}

// core.result(descriptors, order)
static int core_result(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    Order order = lua_istable(L, 2) ? order_check(L, 2) : (Order){0};
    Result *result = new_result(L, SIZE_MAX);
    int count = (int)lua_rawlen(L, 1);
    for (int i = 1; i <= count; i++, lua_pop(L, 1)) {
        size_t size;
        lua_rawgeti(L, 1, i);
        const char *descriptor = luaL_checklstring(L, -1, &size);
        check_read(L, add_output(result, descriptor, size));
    }
    if (order.top && order.top < result->count) result->count = order.top;
    if (lua_istable(L, 2)) narrow_chunks(L, result);
    return 1;
}

// core.region(fd, offset, length, count)
static int core_region(lua_State *L) {
    Region region = {.offset = (uint64_t)luaL_checkinteger(L, 2),
                     .length = (uint64_t)luaL_checkinteger(L, 3),
                     .count = (uint64_t)luaL_checkinteger(L, 4)};
    uint64_t words[] = {
        0, // values, not text
        region.length > 0,
        (uint64_t)luaL_checkinteger(L, 1),
        region.offset,
        region.length,
        region.count,
        region.block,
    };
    char bytes[sizeof words / sizeof *words * VARINT_MAX], *to = bytes;
    for (size_t i = 0; i < (region.length ? sizeof words / sizeof *words : 2); i++)
        to = varint_write(to, words[i]);
    lua_pushlstring(L, bytes, (size_t)(to - bytes));
    return 1;
}

void result_register(lua_State *L) {
    core_class(L, RESULT_TYPE, METHODS);
    lua_pushcfunction(L, core_result);
    lua_setfield(L, -2, "result");
    lua_pushcfunction(L, core_region);
    lua_setfield(L, -2, "region");
}
