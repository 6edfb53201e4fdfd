#include "core/lua/child.h"

#include <stdio.h>
#include <unistd.h>

#include "core/lua/children.h"
#include "core/lua/heap.h"
#include "core/lua/library.h"
#include "core/lua/shared.h"
#include "core/os/clock.h"
#include "core/os/process.h"

// Of the streams that were inherited none has anything of the parent's to write:
// that was written before the fork.
void child_end(lua_State *L) {
    children_end(L);
    fflush(NULL);
}

// os.exit would run the parent's finalizers and exit handlers in this process.
static int child_exit(lua_State *L) {
    int status = lua_isboolean(L, 1) ? !lua_toboolean(L, 1) : (int)luaL_optinteger(L, 1, 0);
    child_end(L);
    process_leave((int)lua_tointeger(L, lua_upvalueindex(1)), status);
}

static void replace_exit(lua_State *L, int life) {
    lua_getglobal(L, "os");
    if (lua_istable(L, -1)) {
        lua_pushinteger(L, life);
        lua_pushcclosure(L, child_exit, 1);
        lua_setfield(L, -2, "exit");
    }
    lua_pop(L, 1);
}

// Forked children would all draw the same numbers.
static void reseed(lua_State *L) {
    lua_getglobal(L, "math");
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, "randomseed");
        lua_pushinteger(L, (lua_Integer)((clock_now() ^ (uint64_t)getpid() << 32) & INT64_MAX));
        if (lua_pcall(L, 1, 0, 0) != 0) lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

void child_begin(lua_State *L, int life, const Buffer *kept) {
    heap_renew(L);
    children_disown(L);
    if (kept) shared_settle(L, kept);
    replace_exit(L, life);
    library_renew(L);
    reseed(L);
}
