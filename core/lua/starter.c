#include "core/lua/starter.h"

#include <string.h>
#include <unistd.h>

#include "core/lua/core.h"
#include "core/os/spawn.h"
#include "core/os/template.h"

static const char STARTER[] = "parallel.core.starter";

struct LuaStarter {
    bool forks; // by way of the template
    Template template;
    int holders; // pools, of the process `owner`
    pid_t owner;
    char *argv[]; // ends with NULL; its bytes follow
};

static int start_by_spawn(void *context, Process *process, const int *given, int count) {
    LuaStarter *starter = context;
    return spawn_start(process, starter->argv, given, count);
}

static int start_by_template(void *context, Process *process, const int *given, int count) {
    LuaStarter *starter = context;
    return template_start(&starter->template, process, given, count);
}

LuaStarter *starter_check(lua_State *L, int index) {
    return luaL_checkudata(L, index, STARTER);
}

Starter starter_of(LuaStarter *starter) {
    return (Starter){starter->forks ? start_by_template : start_by_spawn, starter};
}

// In a copy that fork made the pools that held it are not this process's.
void starter_hold(LuaStarter *starter) {
    if (starter->owner != getpid()) starter->holders = 0;
    starter->owner = getpid();
    starter->holders++;
}

void starter_release(LuaStarter *starter) {
    if (starter->owner != getpid() || --starter->holders > 0) return;
    template_close(&starter->template);
}

static int starter_gc(lua_State *L) {
    template_close(&starter_check(L, 1)->template);
    return 0;
}

// The bytes of all strings of the list at this index, with their ends.
static size_t size_of_strings(lua_State *L, int index, size_t count) {
    size_t total = 0, size;
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        luaL_checklstring(L, -1, &size);
        total += size + 1;
        lua_pop(L, 1);
    }
    return total;
}

static void copy_strings(lua_State *L, int index, size_t count, char **argv) {
    char *at = (char *)(argv + count + 1);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        argv[i] = strcpy(at, lua_tostring(L, -1));
        at += strlen(at) + 1;
        lua_pop(L, 1);
    }
    argv[count] = NULL;
}

static int core_starter(lua_State *L) {
    static const char *const KINDS[] = {"spawn", "template", NULL};
    bool forks = luaL_checkoption(L, 1, NULL, KINDS) == 1;
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t count = lua_rawlen(L, 2);
    luaL_argcheck(L, count > 0, 2, "the path of a program is needed");
    size_t size = size_of_strings(L, 2, count);
    LuaStarter *starter =
        lua_newuserdatauv(L, sizeof *starter + (count + 1) * sizeof *starter->argv + size, 0);
    *starter = (LuaStarter){.forks = forks, .template = template_of(starter->argv)};
    copy_strings(L, 2, count, starter->argv);
    luaL_setmetatable(L, STARTER);
    return 1;
}

static const luaL_Reg METHODS[] = {
    {"__gc", starter_gc},
    {NULL, NULL},
};

void starter_register(lua_State *L) {
    core_class(L, STARTER, METHODS);
    lua_pushcfunction(L, core_starter);
    lua_setfield(L, -2, "starter");
}
