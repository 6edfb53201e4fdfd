#include "core/lua/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/lua/core.h"
#include "core/os/descriptor.h"
#include "core/os/mapping.h"
#include "core/os/sys.h"

typedef struct {
    int fd;      // -1: closed
    pid_t owner; // in a forked copy the number may be another file's
} Scratch;

static const char SCRATCH_TYPE[] = "parallel.scratch";

static int refused(lua_State *L) {
    int error = errno;
    lua_pushnil(L);
    lua_pushfstring(L, "cannot make a scratch file: %s", strerror(error));
    lua_pushinteger(L, error);
    return 3;
}

static Scratch *check_open(lua_State *L) {
    Scratch *scratch = luaL_checkudata(L, 1, SCRATCH_TYPE);
    if (scratch->fd == -1) luaL_error(L, "attempt to use a closed scratch file");
    return scratch;
}

// Not every file system has files without a name: then one is made and its name removed at once.
static int open_unlinked(lua_State *L, const char *directory) {
    lua_pushfstring(L, "%s/parallel-lua-XXXXXX", directory);
    char *path = lua_newuserdatauv(L, lua_rawlen(L, -1) + 1, 0);
    strcpy(path, lua_tostring(L, -2));
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd != -1) unlink(path);
    return fd;
}

static int open_scratch(lua_State *L, const char *directory) {
    if (!directory) return mapping_file("parallel-lua");
    int fd = sys.open(directory, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR)) return fd;
    return open_unlinked(L, directory);
}

static int core_scratch(lua_State *L) {
    lua_settop(L, 1);
    const char *directory = luaL_optstring(L, 1, NULL);
    Scratch *scratch = lua_newuserdatauv(L, sizeof *scratch, 0);
    *scratch = (Scratch){.fd = -1, .owner = getpid()};
    luaL_setmetatable(L, SCRATCH_TYPE);
    scratch->fd = open_scratch(L, directory);
    if (scratch->fd == -1) return refused(L);
    lua_settop(L, 2);
    return 1;
}

static int scratch_fd(lua_State *L) {
    lua_pushinteger(L, check_open(L)->fd);
    return 1;
}

static int scratch_size(lua_State *L) {
    struct stat info;
    if (sys.fstat(check_open(L)->fd, &info) == -1) return refused(L);
    lua_pushinteger(L, (lua_Integer)info.st_size);
    return 1;
}

static int scratch_clear(lua_State *L) {
    if (sys.ftruncate(check_open(L)->fd, 0) == -1) return refused(L);
    lua_pushboolean(L, 1);
    return 1;
}

enum { COPY_SIZE = 1 << 18 };

// The next bytes of the part; 0 when the file ends before it.
static size_t read_part(lua_State *L, int fd, char *bytes, size_t size, off_t offset) {
    ssize_t n;
    do n = sys.pread(fd, bytes, size, offset);
    while (n == -1 && errno == EINTR);
    if (n == -1) luaL_error(L, "cannot read results: %s", strerror(errno));
    return (size_t)n;
}

// scratch:copy(offset, length, fd)
static int scratch_copy(lua_State *L) {
    Scratch *scratch = check_open(L);
    off_t offset = (off_t)luaL_checkinteger(L, 2);
    size_t left = (size_t)luaL_checkinteger(L, 3);
    int fd = (int)luaL_checkinteger(L, 4);
    size_t size = left < COPY_SIZE ? left : COPY_SIZE;
    char *bytes = lua_newuserdatauv(L, size + 1, 0);
    for (size_t n; left; left -= n, offset += (off_t)n) {
        n = read_part(L, scratch->fd, bytes, left < size ? left : size, offset);
        if (!n) return luaL_error(L, "cannot read results: damaged data");
        if (descriptor_write_all(fd, bytes, n) == -1) return luaL_fileresult(L, 0, NULL);
    }
    lua_pushboolean(L, 1);
    return 1;
}

// scratch:release(offset, length)
static int scratch_release(lua_State *L) {
    Scratch *scratch = check_open(L);
    lua_Integer offset = luaL_checkinteger(L, 2), length = luaL_checkinteger(L, 3);
    int holes = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    if (length > 0) sys.fallocate(scratch->fd, holes, (off_t)offset, (off_t)length);
    return 0; // where there are no holes the memory is held until the file is closed
}

static int scratch_close(lua_State *L) {
    Scratch *scratch = luaL_checkudata(L, 1, SCRATCH_TYPE);
    if (scratch->owner == getpid()) descriptor_close(&scratch->fd);
    return 0;
}

static const luaL_Reg METHODS[] = {
    {"fd", scratch_fd},      {"size", scratch_size},       {"clear", scratch_clear},
    {"copy", scratch_copy},  {"release", scratch_release}, {"close", scratch_close},
    {"__gc", scratch_close}, {"__close", scratch_close},   {NULL, NULL},
};

void scratch_register(lua_State *L) {
    core_class(L, SCRATCH_TYPE, METHODS);
    lua_pushcfunction(L, core_scratch);
    lua_setfield(L, -2, "scratch");
}
