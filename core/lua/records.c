#include "core/lua/records.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>

#include "core/lua/core.h"
#include "core/os/filter.h"
#include "core/shuffle/reader.h"

#define READER "parallel.reader"

typedef _Atomic uint64_t Progress;

enum { LARGE = 4 << 20 }; // bytes of a record

enum { READER_AT = 1, SPLIT, MAP, EMIT, INFO, PROGRESS }; // the arguments of map_split

typedef struct {
    Reader reader;
    Filter filter; // that the reader reads from, when it runs
    bool opened;   // by core.open_split, for map_split to go on with
} Source;

static int records_reader(lua_State *L) { // core.reader() -> reader
    Source *source = lua_newuserdatauv(L, sizeof *source, 0);
    *source = (Source){READER_CLOSED, FILTER_CLOSED, false};
    luaL_setmetatable(L, READER);
    return 1;
}

static void close_source(Source *source) {
    reader_close(&source->reader);
    filter_close(&source->filter);
    source->opened = false;
}

static int method_close(lua_State *L) {
    close_source(luaL_checkudata(L, 1, READER));
    return 0;
}

static int method_gc(lua_State *L) {
    Source *source = luaL_checkudata(L, 1, READER);
    close_source(source);
    reader_free(&source->reader);
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

static int cannot_read(lua_State *L, Source *source, const char *path) {
    const char *why = *source->filter.complaint ? source->filter.complaint : strerror(errno);
    lua_pushfstring(L, "cannot read '%s': %s", path, why);
    close_source(source);
    return luaL_error(L, "%s", lua_tostring(L, -1));
}

static void describe_split(lua_State *L) {
    lua_getfield(L, SPLIT, "path");
    lua_setfield(L, INFO, "path");
    lua_getfield(L, SPLIT, "index");
    lua_setfield(L, INFO, "index");
}

static bool ends_with(const char *path, const char *suffix) {
    size_t size = strlen(path), suffix_size = strlen(suffix);
    return size > suffix_size && strcmp(path + size - suffix_size, suffix) == 0;
}

// The program that turns such a file into a stream, or NULL.
static char *const *filter_for(const char *path) {
    static char *const GZIP[] = {"gzip", "-dc", NULL}, *const ZSTD[] = {"zstd", "-dcq", NULL};
    return ends_with(path, ".gz") ? GZIP : ends_with(path, ".zst") ? ZSTD : NULL;
}

static int open_filtered(Source *source, char *const argv[], const char *path, RecordKind kind) {
    if (filter_open(&source->filter, argv, path) == -1) return -1;
    return reader_attach(&source->reader, source->filter.fd, kind);
}

static int open_file(Source *source, const char *path, uint64_t offset, uint64_t length,
                     RecordKind kind) {
    char *const *argv = filter_for(path);
    if (argv) return open_filtered(source, argv, path, kind);
    return reader_open(&source->reader, path, offset, length, kind);
}

static int open_split(lua_State *L, Source *source, const char *path, RecordKind kind) {
    uint64_t fd = opt_place(L, "fd", UINT64_MAX), piece = opt_place(L, "piece", UINT64_MAX);
    uint64_t offset = opt_place(L, "offset", 0), length = opt_place(L, "length", UINT64_MAX);
    close_source(source);
    source->filter.complaint[0] = '\0';
    if (piece <= INT_MAX) return reader_piece(&source->reader, (int)piece, offset, length, kind);
    if (fd <= INT_MAX) return reader_attach(&source->reader, (int)fd, kind);
    return open_file(source, path, offset, length, kind);
}

// core.open_split(reader, split)
static int records_open_split(lua_State *L) {
    Source *source = luaL_checkudata(L, READER_AT, READER);
    luaL_checktype(L, SPLIT, LUA_TTABLE);
    lua_settop(L, SPLIT);
    const char *path = check_path(L);
    if (open_split(L, source, path, check_kind(L)) == -1) return cannot_read(L, source, path);
    source->opened = true;
    return 0;
}

// core.take_lines(reader, path, count) -> lines, position
static int records_take_lines(lua_State *L) {
    Source *source = luaL_checkudata(L, READER_AT, READER);
    const char *path = luaL_checkstring(L, 2), *line;
    lua_Integer count = luaL_checkinteger(L, 3);
    size_t size;
    int got = 1;
    lua_newtable(L);
    for (int i = 1; i <= count && (got = reader_line(&source->reader, &line, &size)) == 1; i++) {
        lua_pushlstring(L, line, size);
        lua_rawseti(L, -2, i);
    }
    if (got == -1) return cannot_read(L, source, path);
    lua_pushinteger(L, (lua_Integer)source->reader.position);
    return 2;
}

// Calls map for one record. One that is large shall not be there twice while map works on it,
// nor be garbage while the next one is read.
static void map_record(lua_State *L, Reader *reader, const char *record, size_t size,
                       const uint64_t *offset) {
    if (offset) {
        lua_pushinteger(L, (lua_Integer)*offset);
        lua_setfield(L, INFO, "offset");
    }
    lua_pushvalue(L, MAP);
    lua_pushlstring(L, record, size);
    if (size >= LARGE) reader_release(reader);
    lua_pushvalue(L, EMIT);
    if (offset) lua_pushvalue(L, INFO);
    lua_call(L, offset ? 3 : 2, 0);
    if (size >= LARGE) lua_gc(L, LUA_GCCOLLECT, 0);
}

static void tell(Progress *progress, uint64_t bytes) {
    if (progress) atomic_store_explicit(progress, bytes, memory_order_relaxed);
}

// Calls map for every record; returns how many, or -1 with errno.
static lua_Integer map_records(lua_State *L, Reader *reader) {
    Progress *progress = lua_touserdata(L, PROGRESS);
    bool takes_info = lua_takes(L, MAP, 3);
    uint64_t before = progress ? atomic_load_explicit(progress, memory_order_relaxed) : 0;
    uint64_t first = reader->position, offset;
    lua_Integer records = 0;
    const char *record;
    size_t size;
    int got;
    while ((got = reader_next(reader, &record, &size, &offset)) == 1) {
        map_record(L, reader, record, size, takes_info ? &offset : NULL);
        tell(progress, before + reader->position - first);
        records++;
    }
    return got == -1 ? -1 : records;
}

static int records_map_split(lua_State *L) {
    Source *source = luaL_checkudata(L, READER_AT, READER);
    luaL_checktype(L, SPLIT, LUA_TTABLE);
    luaL_checktype(L, MAP, LUA_TFUNCTION);
    luaL_checktype(L, INFO, LUA_TTABLE);
    lua_settop(L, PROGRESS);
    const char *path = check_path(L);
    RecordKind kind = check_kind(L);
    describe_split(L);
    if (!source->opened && open_split(L, source, path, kind) == -1)
        return cannot_read(L, source, path);
    source->opened = false;
    uint64_t first = source->reader.position;
    lua_Integer records = map_records(L, &source->reader);
    if (records == -1 || filter_finish(&source->filter) == -1) return cannot_read(L, source, path);
    lua_pushinteger(L, records);
    lua_pushinteger(L, (lua_Integer)(source->reader.position - first));
    close_source(source);
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
    {"reader", records_reader},         {"open_split", records_open_split},
    {"take_lines", records_take_lines}, {"map_split", records_map_split},
    {"splits", records_splits},         {NULL, NULL},
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
