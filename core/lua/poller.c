#include "core/lua/poller.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "core/lua/core.h"
#include "core/lua/interrupt.h"
#include "core/os/poller.h"

static const char POLLER[] = "parallel.core.poller";

enum { MOST = 64 }; // of those that are ready are told at once

static Poller *check_open(lua_State *L) {
    Poller *poller = luaL_checkudata(L, 1, POLLER);
    if (poller->fd == -1) luaL_error(L, "attempt to use a closed poller");
    return poller;
}

static int core_poller(lua_State *L) {
    Poller *poller = lua_newuserdatauv(L, sizeof *poller, 0);
    poller->fd = -1;
    luaL_setmetatable(L, POLLER);
    return poller_open(poller) == 0 ? 1 : luaL_fileresult(L, 0, "cannot wait for descriptors");
}

static int poller_method_watch(lua_State *L) {
    Poller *poller = check_open(L);
    int fd = (int)luaL_checkinteger(L, 2);
    unsigned what = 0;
    if (lua_toboolean(L, 3)) what |= POLLER_READ;
    if (lua_toboolean(L, 4)) what |= POLLER_WRITE;
    if (poller_watch(poller, fd, what, (uint64_t)fd) == 0) return 0;
    return luaL_error(L, "cannot watch a descriptor: %s", strerror(errno));
}

// Rounded up, so that nobody wakes before there is something to do; -1: for ever.
static int milliseconds(lua_State *L, int index) {
    lua_Number seconds = luaL_optnumber(L, index, HUGE_VAL);
    if (seconds > 2e6) return -1;
    return seconds > 0 ? (int)ceil(seconds * 1000) : 0;
}

static int poller_method_wait(lua_State *L) {
    Poller *poller = check_open(L);
    luaL_checktype(L, 3, LUA_TTABLE);
    PollerEvent events[MOST];
    int count = poller_wait(poller, milliseconds(L, 2), events, MOST);
    if (count == -1 && errno != EINTR) luaL_error(L, "cannot wait: %s", strerror(errno));
    if (count == -1) {
        interrupt_check(L);
        count = 0;
    }
    for (int i = 0; i < count; i++) {
        lua_pushinteger(L, (lua_Integer)events[i].tag);
        lua_rawseti(L, 3, i + 1);
    }
    lua_pushinteger(L, count);
    return 1;
}

static int poller_method_fileno(lua_State *L) {
    lua_pushinteger(L, check_open(L)->fd);
    return 1;
}

static int poller_method_close(lua_State *L) {
    poller_close(luaL_checkudata(L, 1, POLLER));
    return 0;
}

static const luaL_Reg METHODS[] = {
    {"watch", poller_method_watch}, {"wait", poller_method_wait},  {"fileno", poller_method_fileno},
    {"close", poller_method_close}, {"__gc", poller_method_close}, {NULL, NULL},
};

void poller_register(lua_State *L) {
    core_class(L, POLLER, METHODS);
    lua_pushcfunction(L, core_poller);
    lua_setfield(L, -2, "poller");
}
