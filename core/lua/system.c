#include "core/lua/system.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/os/clock.h"
#include "core/os/descriptor.h"
#include "core/os/processors.h"
#include "core/os/sys.h"
#include "core/os/title.h"

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

// core.poll(fds, timeout): those of the descriptors that can be read, as a list.
static int system_poll(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Number seconds = luaL_optnumber(L, 2, -1);
    nfds_t count = lua_rawlen(L, 1);
    struct pollfd *polled = lua_newuserdatauv(L, (count + 1) * sizeof *polled, 0);
    for (nfds_t i = 0; i < count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        polled[i] = (struct pollfd){.fd = (int)luaL_checkinteger(L, -1), .events = POLLIN};
        lua_pop(L, 1);
    }
    int ms = seconds < 0 ? -1 : seconds > 2e6 ? 2000000000 : (int)ceil(seconds * 1000);
    if (sys.poll(polled, count, ms) == -1 && errno != EINTR)
        return luaL_error(L, "cannot poll: %s", strerror(errno));
    lua_newtable(L);
    for (nfds_t i = 0, n = 0; i < count; i++) {
        if (!polled[i].revents) continue;
        lua_pushinteger(L, polled[i].fd);
        lua_rawseti(L, -2, (lua_Integer)++n);
    }
    return 1;
}

// Each changes this process: true, or nil, message, errno.
static int system_nice(lua_State *L) {
    errno = 0;
    int level = nice((int)luaL_checkinteger(L, 1));
    return luaL_fileresult(L, level != -1 || errno == 0, "cannot set the niceness");
}

static int system_pin(lua_State *L) {
    lua_Integer number = luaL_checkinteger(L, 1);
    luaL_argcheck(L, number >= 1, 1, "processors count from 1");
    return luaL_fileresult(L, processors_pin((int)number - 1) == 0, "cannot pin to a processor");
}

static int system_title(lua_State *L) {
    title_set(luaL_checkstring(L, 1));
    return 0;
}

// core.write(fd, text): true, or nil, message, errno.
static int system_write(lua_State *L) {
    size_t size;
    const char *text = luaL_checklstring(L, 2, &size);
    int fd = (int)luaL_checkinteger(L, 1);
    return luaL_fileresult(L, descriptor_write_all(fd, text, size) == 0, NULL);
}

static const luaL_Reg FUNCTIONS[] = {
    {"clock", system_clock},
    {"cpu_count", system_cpu_count},
    {"pid", system_pid},
    {"is_terminal", system_is_terminal},
    {"terminal_width", system_terminal_width},
    {"poll", system_poll},
    {"nice", system_nice},
    {"pin", system_pin},
    {"title", system_title},
    {"write", system_write},
    {NULL, NULL},
};

void system_register(lua_State *L) {
    luaL_setfuncs(L, FUNCTIONS, 0);
}
