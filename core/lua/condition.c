#include "core/lua/condition.h"

#include <errno.h>

#include "core/lua/core.h"
#include "core/lua/shared.h"
#include "core/lua/sync.h"
#include "core/lua/vigil.h"
#include "core/sync/condition.h"

static const char WAITERS[] = "parallel.waiters";

static int core_waiters(lua_State *L) {
    Sync *sync = sync_push(L, WAITERS, sizeof *sync);
    sync_make(L, sync, "condition", sizeof(Condition));
    return 1;
}

static int attach(lua_State *L, int fd) {
    return sync_attach(L, sync_push(L, WAITERS, sizeof(Sync)), fd, sizeof(Condition));
}

static Sync *check(lua_State *L) {
    return sync_check(L, WAITERS, "condition");
}

static Condition *memory(const Sync *sync) {
    return sync->segment.bytes;
}

static int check_place(lua_State *L) {
    lua_Integer place = luaL_checkinteger(L, 2);
    luaL_argcheck(L, place >= 0 && place < CONDITION_PLACES, 2, "no such place");
    return (int)place;
}

static int waiters_method_enlist(lua_State *L) {
    const Sync *sync = check(L);
    int place = condition_enlist(memory(sync), sync_party(sync));
    if (place == -1)
        return luaL_error(L, "more than %d processes wait for a condition", CONDITION_PLACES);
    lua_pushinteger(L, place);
    return 1;
}

static int waiters_method_await(lua_State *L) {
    int place = check_place(L);
    Vigil vigil = vigil_begin(L, sync_deadline(L, 3));
    int notified;
    bool paused;
    do {
        const Sync *sync = check(L);
        notified =
            condition_await(memory(sync), place, sync_party(sync), vigil.deadline, vigil.until);
        paused = notified == -1 && errno == ETIMEDOUT;
    } while (vigil_goes_on(L, &vigil, paused ? 0 : notified));
    lua_pushboolean(L, notified == 1);
    return 1;
}

static int waiters_method_leave(lua_State *L) {
    lua_pushboolean(L, condition_leave(memory(check(L)), check_place(L)));
    return 1;
}

static int waiters_method_notify(lua_State *L) {
    lua_Number count = luaL_checknumber(L, 2);
    luaL_argcheck(L, count >= 0, 2, "a number of processes expected");
    condition_notify(memory(check(L)), count < UINT32_MAX ? (uint32_t)count : UINT32_MAX);
    return 0;
}

static const luaL_Reg METHODS[] = {
    {"enlist", waiters_method_enlist},
    {"await", waiters_method_await},
    {"leave", waiters_method_leave},
    {"notify", waiters_method_notify},
    {"close", sync_close},
    {"__gc", sync_close},
    {NULL, NULL},
};

static const SharedKind KIND = {
    .type = WAITERS, .noun = "a condition", .attach = attach, .descriptor = sync_descriptor};

void condition_register(lua_State *L) {
    core_class(L, WAITERS, METHODS);
    shared_kind(L, &KIND);
    lua_pushcfunction(L, core_waiters);
    lua_setfield(L, -2, "waiters");
}
