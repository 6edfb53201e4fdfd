#include "core/lua/barrier.h"

#include <errno.h>

#include "core/lua/core.h"
#include "core/lua/shared.h"
#include "core/lua/sync.h"
#include "core/lua/vigil.h"
#include "core/sync/barrier.h"

static const char BARRIER[] = "parallel.barrier";

enum { MOST_PARTIES = 65536 };

static int core_barrier(lua_State *L) {
    lua_Integer parties = sync_whole(L, 1, 0);
    luaL_argcheck(L, parties >= 1 && parties <= MOST_PARTIES, 1, "from 1 to 65536 parties");
    Sync *sync = sync_push(L, BARRIER, sizeof *sync);
    sync_make(L, sync, "barrier", barrier_size((uint32_t)parties));
    barrier_make(sync->segment.bytes, (uint32_t)parties);
    return 1;
}

static int attach(lua_State *L, int fd) {
    return sync_attach(L, sync_push(L, BARRIER, sizeof(Sync)), fd, barrier_size(1));
}

static Sync *check(lua_State *L) {
    return sync_check(L, BARRIER, "barrier");
}

static Barrier *memory(const Sync *sync) {
    return sync->segment.bytes;
}

// A place, or -1 when it is broken.
static int arrive(lua_State *L, Vigil *vigil) {
    for (;;) {
        const Sync *sync = check(L);
        int place = barrier_arrive(memory(sync), sync_party(sync), vigil->deadline, vigil->until);
        if (place != -1 || (errno != EINTR && errno != ETIMEDOUT)) return place;
        vigil_goes_on(L, vigil, errno == EINTR ? -1 : 0);
    }
}

// These two: 1, 0 when it broke, or -1 with an error on top of the stack.
static int act_and_pass(lua_State *L) {
    lua_pushvalue(L, 3);
    int failed = lua_isnil(L, 3) ? 0 : lua_pcall(L, 0, 0, 0);
    const Sync *sync = check(L);
    return failed ? -1 : barrier_pass(memory(sync), sync_party(sync));
}

static int await_others(lua_State *L, Vigil *vigil) {
    for (;;) {
        const Sync *sync = check(L);
        int passed = barrier_await(memory(sync), sync_party(sync), vigil->deadline, vigil->until);
        if (passed != -1) return passed;
        if (vigil_goes_on_safely(L, vigil, errno == EINTR ? -1 : 0) == -1) return -1;
    }
}

static int barrier_method_wait(lua_State *L) {
    lua_settop(L, 3);
    Vigil vigil = vigil_begin(L, sync_deadline(L, 2));
    int place = arrive(L, &vigil), passed = 0;
    if (place != -1) {
        bool last = (uint32_t)place + 1 == memory(check(L))->parties;
        passed = last ? act_and_pass(L) : await_others(L, &vigil);
        const Sync *sync = check(L);
        barrier_leave(memory(sync), sync_party(sync), place);
    }
    if (passed == -1) return lua_error(L);
    if (passed) {
        lua_pushinteger(L, place + 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushliteral(L, "broken");
    return 2;
}

static int barrier_method_abort(lua_State *L) {
    const Sync *sync = check(L);
    barrier_break(memory(sync), sync_party(sync));
    return 0;
}

static int barrier_method_reset(lua_State *L) {
    const Sync *sync = check(L);
    barrier_reset(memory(sync), sync_party(sync));
    return 0;
}

static int barrier_method_parties(lua_State *L) {
    lua_pushinteger(L, memory(check(L))->parties);
    return 1;
}

static int barrier_method_waiting(lua_State *L) {
    lua_pushinteger(L, barrier_waiting(memory(check(L))));
    return 1;
}

static int barrier_method_is_broken(lua_State *L) {
    lua_pushboolean(L, barrier_is_broken(memory(check(L))));
    return 1;
}

static const luaL_Reg METHODS[] = {
    {"wait", barrier_method_wait},
    {"abort", barrier_method_abort},
    {"reset", barrier_method_reset},
    {"parties", barrier_method_parties},
    {"waiting", barrier_method_waiting},
    {"is_broken", barrier_method_is_broken},
    {"close", sync_close},
    {"__gc", sync_close},
    {NULL, NULL},
};

static const SharedKind KIND = {
    .type = BARRIER, .noun = "a barrier", .attach = attach, .descriptor = sync_descriptor};

void barrier_register(lua_State *L) {
    core_class(L, BARRIER, METHODS);
    shared_kind(L, &KIND);
    lua_pushcfunction(L, core_barrier);
    lua_setfield(L, -2, "barrier");
}
