#include "core/lua/pid.h"

#include "core/os/owner.h"

static const char OWNER; // its address is the key in the registry

pid_t pid_here(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &OWNER);
    Owner *owner = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!owner_is_here(owner)) { // this process has not asked yet
        owner_free(owner);
        *owner = owner_here();
    }
    return owner->pid;
}

static int core_pid(lua_State *L) {
    lua_pushinteger(L, pid_here(L));
    return 1;
}

static int owner_gc(lua_State *L) {
    owner_free(lua_touserdata(L, 1));
    return 0;
}

void pid_register(lua_State *L) {
    Owner *owner = lua_newuserdatauv(L, sizeof *owner, 0);
    *owner = (Owner){0}; // of no process yet
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, owner_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &OWNER);
    lua_pushcfunction(L, core_pid);
    lua_setfield(L, -2, "pid");
}
