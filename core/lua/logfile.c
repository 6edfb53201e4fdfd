#include "core/lua/logfile.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/lua/core.h"
#include "core/os/descriptor.h"
#include "core/os/sys.h"

typedef struct {
    int fd;      // -1: closed
    pid_t owner; // in a forked copy the number may be another file's
} Logfile;

static const char LOGFILE[] = "parallel.logfile";

static int core_logfile(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    int begin = lua_toboolean(L, 2) ? 0 : O_TRUNC;
    Logfile *file = lua_newuserdatauv(L, sizeof *file, 0);
    *file = (Logfile){.fd = -1, .owner = getpid()};
    luaL_setmetatable(L, LOGFILE);
    file->fd = sys.open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | begin, 0600);
    return file->fd == -1 ? core_cannot(L, "write", path) : 1;
}

static int logfile_fd(lua_State *L) {
    const Logfile *file = luaL_checkudata(L, 1, LOGFILE);
    if (file->fd == -1) luaL_error(L, "attempt to use a closed file");
    lua_pushinteger(L, file->fd);
    return 1;
}

static int logfile_close(lua_State *L) {
    Logfile *file = luaL_checkudata(L, 1, LOGFILE);
    if (file->owner == getpid()) descriptor_close(&file->fd);
    return 0;
}

static const luaL_Reg METHODS[] = {
    {"fd", logfile_fd},
    {"close", logfile_close},
    {"__close", logfile_close},
    {"__gc", logfile_close},
    {NULL, NULL},
};

void logfile_register(lua_State *L) {
    core_class(L, LOGFILE, METHODS);
    lua_pushcfunction(L, core_logfile);
    lua_setfield(L, -2, "logfile");
}
