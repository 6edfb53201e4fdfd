#include "core/lua/system.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/lua/interrupt.h"
#include "core/os/clock.h"
#include "core/os/descriptor.h"
#include "core/os/processors.h"
#include "core/os/sys.h"
#include "core/os/title.h"

static int system_clock(lua_State *L) {
    lua_pushnumber(L, (lua_Number)clock_now() / 1e9);
    return 1;
}

// core.signal_number("SIGKILL"); nil when there is none of that name.
static int system_signal_number(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    for (int number = 1; number < NSIG; number++) {
        const char *known = sigabbrev_np(number);
        if (!known || strncmp(name, "SIG", 3) != 0 || strcmp(name + 3, known) != 0) continue;
        lua_pushinteger(L, number);
        return 1;
    }
    return 0;
}

static int system_cpu_count(lua_State *L) {
    lua_pushinteger(L, processors_usable());
    return 1;
}

static int system_parent_pid(lua_State *L) {
    lua_pushinteger(L, getppid());
    return 1;
}

// core.threads(): of this process. The folder that lists them has a link from each, and two more.
static int system_threads(lua_State *L) {
    struct stat info;
    bool known = stat("/proc/self/task", &info) == 0 && info.st_nlink > 2;
    lua_pushinteger(L, known ? (lua_Integer)info.st_nlink - 2 : 1);
    return 1;
}

// core.executable(): the path of the program that runs; nil when the system does not say.
static int system_executable(lua_State *L) {
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path);
    if (size <= 0 || size == sizeof path) return 0;
    lua_pushlstring(L, path, (size_t)size);
    return 1;
}

// core.watch(pid): a descriptor that is readable once that process has ended; nil, message, errno.
static int system_watch(lua_State *L) {
    int fd = sys.pidfd_open((pid_t)luaL_checkinteger(L, 1), 0);
    if (fd == -1) return luaL_fileresult(L, 0, "cannot watch the process");
    lua_pushinteger(L, fd);
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
    {"signal_number", system_signal_number},
    {"cpu_count", system_cpu_count},
    {"parent_pid", system_parent_pid},
    {"threads", system_threads},
    {"executable", system_executable},
    {"watch", system_watch},
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
    // Asked at the very start: later another file may have the number.
    lua_pushboolean(L, sys.fcntl(STDERR_FILENO, F_GETFD, 0) != -1);
    lua_setfield(L, -2, "has_stderr");
}
