#include "core/lua/facts.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/os/descriptor.h"
#include "core/os/sys.h"

// Whether these libraries were linked is whether there is something at their names.
extern unsigned ZSTD_versionNumber(void) __attribute__((weak));
extern int sodium_init(void) __attribute__((weak));

static bool opens(int fd) {
    bool opened = fd != -1;
    descriptor_close(&fd);
    return opened;
}

static void set_boolean(lua_State *L, const char *name, bool value) {
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

static void set_limit(lua_State *L, const char *name, int resource) {
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) == -1 || limit.rlim_cur == RLIM_INFINITY)
        return;
    lua_pushnumber(L, (lua_Number)limit.rlim_cur);
    lua_setfield(L, -2, name);
}

static int core_facts(lua_State *L) {
    lua_newtable(L);
    set_boolean(L, "pidfd", opens(sys.pidfd_open(getpid(), 0)));
    set_boolean(L, "memfd", opens(sys.memfd_create("parallel-lua", 0)));
    set_boolean(L, "close_range", sys.close_range(UINT_MAX, UINT_MAX, 0) == 0);
    set_boolean(L, "zstd", ZSTD_versionNumber != NULL);
    set_boolean(L, "sodium", sodium_init != NULL);
    set_limit(L, "descriptors", RLIMIT_NOFILE);
    set_limit(L, "processes", RLIMIT_NPROC);
    lua_pushinteger(L, sysconf(_SC_NPROCESSORS_ONLN));
    lua_setfield(L, -2, "online");
    return 1;
}

static int core_space(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    struct statvfs system;
    if (statvfs(path, &system) == -1) return luaL_fileresult(L, 0, path);
    lua_pushnumber(L, (lua_Number)system.f_bavail * (lua_Number)system.f_frsize);
    return 1;
}

void facts_register(lua_State *L) {
    lua_pushcfunction(L, core_facts);
    lua_setfield(L, -2, "facts");
    lua_pushcfunction(L, core_space);
    lua_setfield(L, -2, "space");
}
