#include "core/lua/run.h"

#include "core/lua/collected.h"
#include "core/lua/value.h"
#include "core/shuffle/run.h"

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

void run_register(lua_State *L) {
    lua_pushcfunction(L, core_moved_run);
    lua_setfield(L, -2, "moved_run");
    lua_pushcfunction(L, core_verify_run);
    lua_setfield(L, -2, "verify_run");
}
