#include "core/lua/sync.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "core/lua/blame.h"
#include "core/lua/core.h"
#include "core/lua/shared.h"
#include "core/sync/bell.h"

static const char PASSPORT[] = "parallel.passport"; // the type, and the key in the registry

static int passport_gc(lua_State *L) {
    Passport **held = lua_touserdata(L, 1);
    passport_close(*held);
    *held = NULL;
    return 0;
}

static Passport *make_passport(lua_State *L) {
    static const luaL_Reg METHODS[] = {{"__gc", passport_gc}, {NULL, NULL}};
    core_class(L, PASSPORT, METHODS);
    Passport **held = lua_newuserdatauv(L, sizeof *held, 0);
    *held = NULL;
    luaL_setmetatable(L, PASSPORT);
    *held = passport_open();
    if (!*held) luaL_error(L, "not enough memory");
    lua_rawsetp(L, LUA_REGISTRYINDEX, PASSPORT);
    return *held;
}

// One for each Lua state, made before all that use it, and so collected after them.
static Passport *passport_of(lua_State *L) {
    Passport **held = NULL;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, PASSPORT) == LUA_TUSERDATA) held = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return held ? *held : make_passport(L);
}

void *sync_push(lua_State *L, const char *type, size_t size) {
    Passport *passport = passport_of(L);
    Sync *sync = lua_newuserdatauv(L, size, 0);
    memset(sync, 0, size);
    *sync = (Sync){.segment = SEGMENT_CLOSED, .passport = passport};
    luaL_setmetatable(L, type);
    return sync;
}

void sync_make(lua_State *L, Sync *sync, const char *name, size_t bytes) {
    if (segment_make(&sync->segment, name, bytes) == -1)
        luaL_error(L, "cannot make a %s: %s", name, strerror(errno));
    shared_enter(L, -1);
}

int sync_attach(lua_State *L, Sync *sync, int fd, size_t bytes) {
    if (segment_open(&sync->segment, fd) == -1) {
        lua_pop(L, 1);
        return -1;
    }
    if (sync->segment.size >= bytes) return 0;
    sync_detach(L, sync);
    return -1;
}

void sync_detach(lua_State *L, Sync *sync) {
    sync->segment.fd = -1; // still the caller's
    segment_close(&sync->segment);
    lua_pop(L, 1);
    errno = EINVAL;
}

int sync_descriptor(lua_State *L, int index) {
    const Sync *sync = lua_touserdata(L, index);
    return sync->segment.fd;
}

void *sync_check(lua_State *L, const char *type, const char *noun) {
    Sync *sync = luaL_checkudata(L, 1, type);
    if (!sync->segment.bytes) blame(L, "attempt to use a closed %s", noun);
    return sync;
}

int sync_close(lua_State *L) {
    Sync *sync = lua_touserdata(L, 1);
    shared_leave(L, sync->segment.fd);
    segment_close(&sync->segment);
    return 0;
}

uint64_t sync_deadline(lua_State *L, int index) {
    if (lua_isnoneornil(L, index)) return DEADLINE_NEVER;
    lua_Number seconds = luaL_checknumber(L, index);
    luaL_argcheck(L, !isnan(seconds), index, "a timeout cannot be NaN");
    if (seconds <= 0) return DEADLINE_PASSED;
    return seconds < 4e9 ? clock_now() + (uint64_t)(seconds * 1e9) : DEADLINE_NEVER;
}

lua_Integer sync_whole(lua_State *L, int index, lua_Integer missing) {
    if (lua_isnoneornil(L, index)) return missing;
    lua_Number number = luaL_checknumber(L, index);
    luaL_argcheck(L, number == floor(number), index, "a whole number expected");
    return (lua_Integer)fmax(-0x1p53, fmin(number, 0x1p53));
}

int sync_return(lua_State *L, bool in_time) {
    if (in_time) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushliteral(L, "timeout");
    return 2;
}
