#include "core/lua/system.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "core/os/clock.h"
#include "core/os/processors.h"

static int system_clock(lua_State *L) {
    lua_pushnumber(L, (lua_Number)clock_now() / 1e9);
    return 1;
}

static int system_cpu_count(lua_State *L) {
    lua_pushinteger(L, processors_usable());
    return 1;
}

static int system_pid(lua_State *L) {
    lua_pushinteger(L, getpid());
    return 1;
}

static int system_is_terminal(lua_State *L) {
    lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
    return 1;
}

static int system_terminal_width(lua_State *L) {
    struct winsize size;
    if (ioctl((int)luaL_checkinteger(L, 1), TIOCGWINSZ, &size) == -1 || size.ws_col == 0) return 0;
    lua_pushinteger(L, size.ws_col);
    return 1;
}

static const luaL_Reg FUNCTIONS[] = {
    {"clock", system_clock},
    {"cpu_count", system_cpu_count},
    {"pid", system_pid},
    {"is_terminal", system_is_terminal},
    {"terminal_width", system_terminal_width},
    {NULL, NULL},
};

void system_register(lua_State *L) {
    luaL_setfuncs(L, FUNCTIONS, 0);
}
