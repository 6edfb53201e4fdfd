#include "core/lua/semaphore.h"

#include "core/lua/blame.h"
#include "core/lua/core.h"
#include "core/lua/shared.h"
#include "core/lua/sync.h"
#include "core/lua/vigil.h"
#include "core/sync/semaphore.h"

static const char SEMAPHORE[] = "parallel.semaphore";

static int semaphore_new(lua_State *L, bool bounded) {
    lua_Integer units = sync_whole(L, 1, 1);
    luaL_argcheck(L, units >= 0 && units <= SEMAPHORE_MOST, 1, "from 0 to 2147483647 units");
    Sync *sync = sync_push(L, SEMAPHORE, sizeof *sync);
    sync_make(L, sync, "semaphore", sizeof(Semaphore));
    semaphore_make(sync->segment.bytes, (uint32_t)units,
                   bounded ? (uint32_t)units : SEMAPHORE_MOST);
    return 1;
}

static int core_semaphore(lua_State *L) {
    return semaphore_new(L, false);
}

static int core_bounded_semaphore(lua_State *L) {
    return semaphore_new(L, true);
}

static int attach(lua_State *L, int fd) {
    return sync_attach(L, sync_push(L, SEMAPHORE, sizeof(Sync)), fd, sizeof(Semaphore));
}

static Semaphore *check(lua_State *L) {
    const Sync *sync = sync_check(L, SEMAPHORE, "semaphore");
    return sync->segment.bytes;
}

static int semaphore_method_acquire(lua_State *L) {
    Vigil vigil = vigil_begin(L, sync_deadline(L, 2));
    int taken;
    do taken = semaphore_acquire(check(L), vigil.until);
    while (vigil_goes_on(L, &vigil, taken));
    lua_pushboolean(L, taken);
    return 1;
}

static int semaphore_method_release(lua_State *L) {
    if (semaphore_release(check(L)) == 0) return 0;
    return blame(L, "attempt to release a semaphore too often");
}

static int semaphore_method_value(lua_State *L) {
    lua_pushinteger(L, semaphore_units(check(L)));
    return 1;
}

static const luaL_Reg METHODS[] = {
    {"acquire", semaphore_method_acquire},
    {"release", semaphore_method_release},
    {"value", semaphore_method_value},
    {"close", sync_close},
    {"__close", sync_close},
    {"__gc", sync_close},
    {NULL, NULL},
};

static const SharedKind KIND = {
    .type = SEMAPHORE, .noun = "a semaphore", .attach = attach, .descriptor = sync_descriptor};

void semaphore_register(lua_State *L) {
    core_class(L, SEMAPHORE, METHODS);
    shared_kind(L, &KIND);
    luaL_getmetatable(L, SEMAPHORE);
    lua_setfield(L, -2, "Semaphore");
    lua_pushcfunction(L, core_semaphore);
    lua_setfield(L, -2, "semaphore");
    lua_pushcfunction(L, core_bounded_semaphore);
    lua_setfield(L, -2, "bounded_semaphore");
}
