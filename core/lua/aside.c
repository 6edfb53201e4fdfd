#include "core/lua/aside.h"

#include <errno.h>
#include <sys/stat.h>

#include "core/lua/core.h"
#include "core/os/aside.h"
#include "core/os/sys.h"

static const char ASIDE[] = "parallel.aside";

static Aside *check_open(lua_State *L) {
    Aside *aside = luaL_checkudata(L, 1, ASIDE);
    if (aside->fd == -1) luaL_error(L, "attempt to use a closed file");
    return aside;
}

static int core_aside(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    Aside *aside = lua_newuserdatauv(L, sizeof *aside, 0);
    *aside = ASIDE_CLOSED;
    luaL_setmetatable(L, ASIDE);
    return aside_open(aside, path) == -1 ? core_cannot(L, "write", path) : 1;
}

static int aside_fd(lua_State *L) {
    lua_pushinteger(L, check_open(L)->fd);
    return 1;
}

static int method_keep(lua_State *L) {
    Aside *aside = check_open(L);
    lua_pushstring(L, aside->path);
    if (aside_keep(aside) == -1) return core_cannot(L, "write", lua_tostring(L, -1));
    lua_pushboolean(L, 1);
    return 1;
}

static int method_close(lua_State *L) {
    aside_close(luaL_checkudata(L, 1, ASIDE));
    return 0;
}

static int make_folder(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    if (sys.mkdir(path, 0777) == -1 && errno != EEXIST) return core_cannot(L, "write", path);
    lua_pushboolean(L, 1);
    return 1;
}

static const luaL_Reg METHODS[] = {
    {"fd", aside_fd},          {"keep", method_keep},  {"close", method_close},
    {"__close", method_close}, {"__gc", method_close}, {NULL, NULL},
};

void aside_register(lua_State *L) {
    core_class(L, ASIDE, METHODS);
    lua_pushcfunction(L, core_aside);
    lua_setfield(L, -2, "aside");
    lua_pushcfunction(L, make_folder);
    lua_setfield(L, -2, "make_folder");
}
