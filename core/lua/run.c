#include "core/lua/run.h"

#include "core/lua/collected.h"
#include "core/lua/value.h"
#include "core/shuffle/merge.h"
#include "core/shuffle/run.h"

typedef struct {
    Buffer sources; // of Source
    Merge merge;
} Search;

static const char SEARCH_TYPE[] = "parallel.search";

enum { SEARCH_MEMORY = 1 << 20 };

static int core_moved_run(lua_State *L) {
    size_t size;
    const char *descriptor = luaL_checklstring(L, 1, &size);
    int fd = (int)luaL_checkinteger(L, 2);
    Buffer *moved = collected_buffer(L);
    if (run_move(descriptor, size, fd, moved) == -1) value_error(L, "cannot read a run");
    lua_pushlstring(L, buffer_bytes(moved), buffer_size(moved));
    buffer_free(moved);
    return 1;
}

static int core_verify_run(lua_State *L) {
    size_t size;
    const char *descriptor = luaL_checklstring(L, 1, &size);
    return luaL_fileresult(L, run_verify(descriptor, size) == 0, NULL);
}

static int search_gc(lua_State *L) {
    Search *search = lua_touserdata(L, 1);
    buffer_free(&search->sources);
    merge_close(&search->merge);
    return 0;
}

static int add_source(Search *search, const char *descriptor, size_t size, unsigned partition) {
    Run run;
    if (run_open(&run, descriptor, size, partition) == -1) return -1;
    Source source = {run.fd, run.partition};
    return buffer_append(&search->sources, &source, sizeof source);
}

static int find_key(Search *search, lua_Integer number) {
    const Source *sources = (const Source *)(const void *)buffer_bytes(&search->sources);
    size_t count = buffer_size(&search->sources) / sizeof *sources;
    int found = 0;
    if (merge_add_all(&search->merge, sources, count, SEARCH_MEMORY) == -1) return -1;
    if (merge_start(&search->merge) == -1) return -1;
    while (number-- > 0 && (found = merge_key(&search->merge)) == 1) {}
    return found;
}

static int core_key_of_runs(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    unsigned partition = (unsigned)luaL_checkinteger(L, 2);
    lua_Integer number = luaL_checkinteger(L, 3);
    Search *search = lua_newuserdatauv(L, sizeof *search, 0);
    *search = (Search){0};
    luaL_setmetatable(L, SEARCH_TYPE);
    int count = (int)lua_rawlen(L, 1), found = 0;
    for (int i = 1; found == 0 && i <= count; i++, lua_pop(L, 1)) {
        size_t size;
        lua_rawgeti(L, 1, i);
        const char *descriptor = luaL_checklstring(L, -1, &size);
        found = add_source(search, descriptor, size, partition);
    }
    if (found == 0) found = find_key(search, number);
    if (found == -1) value_error(L, "cannot read a run");
    if (!found) return 0;
    key_describe(L, buffer_bytes(&search->merge.key), buffer_size(&search->merge.key));
    return 1;
}

void run_register(lua_State *L) {
    luaL_newmetatable(L, SEARCH_TYPE);
    lua_pushcfunction(L, search_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    lua_pushcfunction(L, core_moved_run);
    lua_setfield(L, -2, "moved_run");
    lua_pushcfunction(L, core_verify_run);
    lua_setfield(L, -2, "verify_run");
    lua_pushcfunction(L, core_key_of_runs);
    lua_setfield(L, -2, "key_of_runs");
}
