#include "core/lua/records.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>

#include "core/lua/core.h"
#include "core/shuffle/reader.h"

#define READER "parallel.reader"

typedef _Atomic uint64_t Progress;

enum { READER_AT = 1, SPLIT, MAP, EMIT, INFO, PROGRESS }; // the arguments of map_split

static int records_reader(lua_State *L) { // core.reader() -> reader
    Reader *reader = lua_newuserdatauv(L, sizeof *reader, 0);
    *reader = READER_CLOSED;
    luaL_setmetatable(L, READER);
    return 1;
}

static int method_close(lua_State *L) {
    reader_close(luaL_checkudata(L, 1, READER));
    return 0;
}

static int method_gc(lua_State *L) {
    reader_free(luaL_checkudata(L, 1, READER));
    return 0;
}

static const char *check_path(lua_State *L) {
    lua_getfield(L, SPLIT, "path");
    const char *path = lua_tostring(L, -1);
    if (!path) luaL_error(L, "the split has no path");
    return path;
}

static uint64_t opt_place(lua_State *L, const char *field, uint64_t otherwise) {
    lua_getfield(L, SPLIT, field);
    lua_Integer n = lua_tointeger(L, -1);
    if (n < 0) luaL_error(L, "the split has a negative %s", field);
    uint64_t place = lua_isnil(L, -1) ? otherwise : (uint64_t)n;
    lua_pop(L, 1);
    return place;
}

// Leaves the name on the stack: a separator is used while the split is read.
static RecordKind check_kind(lua_State *L) {
    lua_getfield(L, SPLIT, "records");
    if (lua_isnil(L, -1)) lua_pushliteral(L, "line");
    size_t size;
    const char *name = lua_tolstring(L, -1, &size);
    if (!name || size == 0) luaL_error(L, "the split's records are of no kind");
    RecordKind kind = record_kind(name, size);
    if (kind.kept) kind.least = (size_t)opt_place(L, "block", kind.least);
    if (!kind.least) luaL_error(L, "the split's blocks are empty");
    return kind;
}

static int cannot_read(lua_State *L, Reader *reader, const char *path) {
    reader_close(reader);
    return luaL_error(L, "cannot read '%s': %s", path, strerror(errno));
}

static void describe_split(lua_State *L) {
    lua_getfield(L, SPLIT, "path");
    lua_setfield(L, INFO, "path");
    lua_getfield(L, SPLIT, "index");
    lua_setfield(L, INFO, "index");
}

static int open_split(lua_State *L, Reader *reader, const char *path, RecordKind kind) {
    uint64_t fd = opt_place(L, "fd", UINT64_MAX);
    uint64_t offset = opt_place(L, "offset", 0), length = opt_place(L, "length", UINT64_MAX);
    if (fd <= INT_MAX) return reader_attach(reader, (int)fd, kind);
    return reader_open(reader, path, offset, length, kind);
}

// Calls map for one record.
static void map_record(lua_State *L, const char *record, size_t size, const uint64_t *offset) {
    if (offset) {
        lua_pushinteger(L, (lua_Integer)*offset);
        lua_setfield(L, INFO, "offset");
    }
    lua_pushvalue(L, MAP);
    lua_pushlstring(L, record, size);
    lua_pushvalue(L, EMIT);
    if (offset) lua_pushvalue(L, INFO);
    lua_call(L, offset ? 3 : 2, 0);
}

static int records_map_split(lua_State *L) {
    Reader *reader = luaL_checkudata(L, READER_AT, READER);
    luaL_checktype(L, SPLIT, LUA_TTABLE);
    luaL_checktype(L, MAP, LUA_TFUNCTION);
    luaL_checktype(L, INFO, LUA_TTABLE);
    lua_settop(L, PROGRESS);
    Progress *progress = lua_touserdata(L, PROGRESS);
    bool takes_info = lua_takes(L, MAP, 3);
    const char *path = check_path(L);
    RecordKind kind = check_kind(L);
    describe_split(L);

    if (open_split(L, reader, path, kind) == -1) return cannot_read(L, reader, path);
    uint64_t first = reader->position, offset;
    uint64_t before = progress ? atomic_load_explicit(progress, memory_order_relaxed) : 0;
    lua_Integer records = 0;
    const char *record;
    size_t size;
    int got;
    while ((got = reader_next(reader, &record, &size, &offset)) == 1) {
        map_record(L, record, size, takes_info ? &offset : NULL);
        if (progress)
            atomic_store_explicit(progress, before + reader->position - first,
                                  memory_order_relaxed);
        records++;
    }
    if (got == -1) return cannot_read(L, reader, path);
    lua_pushinteger(L, records);
    lua_pushinteger(L, (lua_Integer)(reader->position - first));
    reader_close(reader);
    return 2;
}

static int records_splits(lua_State *L) { // core.splits(records) -> boolean
    size_t size;
    const char *name = luaL_checklstring(L, 1, &size);
    RecordKind kind = record_kind(name, size);
    lua_pushboolean(L, record_kind_splits(&kind));
    return 1;
}

static const luaL_Reg FUNCTIONS[] = {
    {"reader", records_reader},
    {"map_split", records_map_split},
    {"splits", records_splits},
    {NULL, NULL},
};

static const luaL_Reg METHODS[] = {
    {"close", method_close},
    {"__close", method_close},
    {"__gc", method_gc},
    {NULL, NULL},
};

void records_register(lua_State *L) {
    core_class(L, READER, METHODS);
    luaL_setfuncs(L, FUNCTIONS, 0);
}
