#include "core/lua/lock.h"

#include "core/lua/blame.h"
#include "core/lua/core.h"
#include "core/lua/shared.h"
#include "core/lua/sync.h"
#include "core/lua/vigil.h"
#include "core/sync/mutex.h"

static const char LOCK[] = "parallel.lock", RLOCK[] = "parallel.rlock";

static int lock_make(lua_State *L, const char *type) {
    Sync *sync = sync_push(L, type, sizeof *sync);
    sync_make(L, sync, "lock", sizeof(Lock));
    return 1;
}

static int core_lock(lua_State *L) {
    return lock_make(L, LOCK);
}

static int core_rlock(lua_State *L) {
    return lock_make(L, RLOCK);
}

static int lock_attach(lua_State *L, int fd) {
    return sync_attach(L, sync_push(L, LOCK, sizeof(Sync)), fd, sizeof(Lock));
}

static int rlock_attach(lua_State *L, int fd) {
    return sync_attach(L, sync_push(L, RLOCK, sizeof(Sync)), fd, sizeof(Lock));
}

static Lock *memory(const Sync *sync) {
    return sync->segment.bytes;
}

// Of any type: the methods that they share have it, and its noun, as upvalues.
static Sync *check(lua_State *L) {
    const char *type = lua_tostring(L, lua_upvalueindex(1));
    return sync_check(L, type, lua_tostring(L, lua_upvalueindex(2)));
}

static Sync *check_held(lua_State *L) {
    Sync *sync = check(L);
    if (!mutex_is_held(&memory(sync)->mutex, sync_party(sync)))
        blame(L, "attempt to release a lock that this process does not hold");
    return sync;
}

static int push_acquired(lua_State *L, int result) {
    lua_pushboolean(L, result != MUTEX_LATE);
    if (result != MUTEX_ABANDONED) return 1;
    lua_pushliteral(L, "abandoned");
    return 2;
}

static int acquire(lua_State *L, bool again) {
    Vigil vigil = vigil_begin(L, sync_deadline(L, 2));
    for (;;) {
        Sync *sync = check(L);
        Lock *lock = memory(sync);
        Party me = sync_party(sync);
        if (again && mutex_is_held(&lock->mutex, me)) {
            lock->depth++;
            return push_acquired(L, MUTEX_TAKEN);
        }
        int result = mutex_acquire(&lock->mutex, me, vigil.until);
        if (result > 0) lock->depth = 1;
        if (!vigil_goes_on(L, &vigil, result)) return push_acquired(L, result);
    }
}

static int lock_method_acquire(lua_State *L) {
    return acquire(L, false);
}

static int rlock_method_acquire(lua_State *L) {
    return acquire(L, true);
}

static int lock_method_release(lua_State *L) {
    Sync *sync = check_held(L);
    if (--memory(sync)->depth == 0) mutex_release(&memory(sync)->mutex, sync_party(sync));
    return 0;
}

static int lock_method_is_held(lua_State *L) {
    Sync *sync = check(L);
    lua_pushboolean(L, mutex_is_held(&memory(sync)->mutex, sync_party(sync)));
    return 1;
}

static int lock_method_unwind(lua_State *L) {
    Sync *sync = check_held(L);
    lua_pushinteger(L, memory(sync)->depth);
    mutex_release(&memory(sync)->mutex, sync_party(sync));
    return 1;
}

// With an error on top, which is for later: the lock is to be held again in any case.
static int rewind_first(lua_State *L, uint32_t depth) {
    const Sync *sync = check(L);
    int result;
    do result = mutex_acquire(&memory(sync)->mutex, sync_party(sync), DEADLINE_NEVER);
    while (result == -1);
    memory(sync)->depth = depth;
    lua_pushboolean(L, 1);
    lua_pushnil(L);
    if (result == MUTEX_ABANDONED) {
        lua_pushliteral(L, "abandoned");
        lua_replace(L, -2);
    }
    lua_pushvalue(L, -3);
    return 3;
}

static int lock_method_rewind(lua_State *L) {
    uint32_t depth = (uint32_t)luaL_checkinteger(L, 2);
    Vigil vigil = vigil_begin(L, DEADLINE_NEVER);
    const Sync *sync;
    int result, goes_on;
    do {
        sync = check(L);
        result = mutex_acquire(&memory(sync)->mutex, sync_party(sync), vigil.until);
        goes_on = vigil_goes_on_safely(L, &vigil, result);
    } while (goes_on == 1);
    if (goes_on == -1) return rewind_first(L, depth);
    memory(sync)->depth = depth;
    return push_acquired(L, result);
}

static int lock_method_close(lua_State *L) {
    Sync *sync = luaL_checkudata(L, 1, lua_tostring(L, lua_upvalueindex(1)));
    if (sync->segment.bytes) mutex_release(&memory(sync)->mutex, sync_party(sync));
    return sync_close(L);
}

static const SharedKind LOCK_KIND = {
    .type = LOCK, .noun = "a lock", .attach = lock_attach, .descriptor = sync_descriptor};
static const SharedKind RLOCK_KIND = {
    .type = RLOCK, .noun = "a lock", .attach = rlock_attach, .descriptor = sync_descriptor};

static void add_methods(lua_State *L, const char *type, const char *noun,
                        lua_CFunction acquire_it) {
    const luaL_Reg methods[] = {
        {"acquire", acquire_it},          {"release", lock_method_release},
        {"is_held", lock_method_is_held}, {"unwind", lock_method_unwind},
        {"rewind", lock_method_rewind},   {"close", lock_method_close},
        {"__close", lock_method_close},   {NULL, NULL},
    };
    lua_pushstring(L, type);
    lua_pushstring(L, noun);
    luaL_setfuncs(L, methods, 2);
}

void lock_add_methods(lua_State *L, const char *type, const char *noun) {
    add_methods(L, type, noun, rlock_method_acquire);
}

// Adds the metatable of this type to the table on top, by its name there.
static void add_class(lua_State *L, const SharedKind *kind, lua_CFunction acquire_it,
                      const char *name) {
    static const luaL_Reg OWN[] = {{"__gc", sync_close}, {NULL, NULL}};
    core_class(L, kind->type, OWN);
    shared_kind(L, kind);
    luaL_getmetatable(L, kind->type);
    add_methods(L, kind->type, "lock", acquire_it);
    lua_setfield(L, -2, name);
}

void lock_register(lua_State *L) {
    add_class(L, &LOCK_KIND, lock_method_acquire, "Lock");
    add_class(L, &RLOCK_KIND, rlock_method_acquire, "RLock");
    lua_pushcfunction(L, core_lock);
    lua_setfield(L, -2, "lock");
    lua_pushcfunction(L, core_rlock);
    lua_setfield(L, -2, "rlock");
}
