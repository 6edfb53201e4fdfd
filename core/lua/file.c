#include "core/lua/file.h"

#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "core/lua/core.h"
#include "core/os/descriptor.h"
#include "core/os/fault.h"
#include "core/os/sys.h"

typedef struct {
    int fd;      // -1: closed
    pid_t owner; // in a forked copy the number may be another file's
} File;

static const char FILE_TYPE[] = "parallel.file";

static const char *const WORDS[] = {"append", "renew", "create", "read", "stream", NULL};
static const int FLAGS[] = {
    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW,
    O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_NOFOLLOW,
    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
    O_RDONLY | O_NOFOLLOW,
    O_RDONLY | O_NONBLOCK,
};

static int core_file(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    int flags = FLAGS[luaL_checkoption(L, 2, NULL, WORDS)];
    File *file = lua_newuserdatauv(L, sizeof *file, 0);
    *file = (File){.fd = -1, .owner = getpid()};
    luaL_setmetatable(L, FILE_TYPE);
    file->fd = sys.open(path, flags | O_CLOEXEC, 0600);
    bool reads = (flags & O_ACCMODE) == O_RDONLY;
    return file->fd == -1 ? core_cannot(L, reads ? "read" : "write", path) : 1;
}

static int check_fd(lua_State *L) {
    const File *file = luaL_checkudata(L, 1, FILE_TYPE);
    if (file->fd == -1) luaL_error(L, "attempt to use a closed file");
    return file->fd;
}

static int file_fd(lua_State *L) {
    lua_pushinteger(L, check_fd(L));
    return 1;
}

static int sync_descriptor(lua_State *L, int fd) {
    FAULT("file.sync");
    return luaL_fileresult(L, sys.fsync(fd) == 0, NULL);
}

static int file_sync(lua_State *L) {
    return sync_descriptor(L, check_fd(L));
}

static int file_close(lua_State *L) {
    File *file = luaL_checkudata(L, 1, FILE_TYPE);
    if (file->owner == getpid()) descriptor_close(&file->fd);
    return 0;
}

static int core_sync(lua_State *L) {
    return sync_descriptor(L, (int)luaL_checkinteger(L, 1));
}

static int core_unlink(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    if (sys.unlink(path) == -1) return core_cannot(L, "remove", path);
    lua_pushboolean(L, 1);
    return 1;
}

static const luaL_Reg METHODS[] = {
    {"fd", file_fd},         {"sync", file_sync},  {"close", file_close},
    {"__close", file_close}, {"__gc", file_close}, {NULL, NULL},
};

void file_register(lua_State *L) {
    core_class(L, FILE_TYPE, METHODS);
    lua_pushcfunction(L, core_file);
    lua_setfield(L, -2, "file");
    lua_pushcfunction(L, core_sync);
    lua_setfield(L, -2, "sync");
    lua_pushcfunction(L, core_unlink);
    lua_setfield(L, -2, "unlink");
}
