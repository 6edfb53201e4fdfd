#include "core/lua/vigil.h"

#include "core/lua/interrupt.h"
#include "core/os/clock.h"
#include "core/sync/bell.h"

static const char KEY; // its address is that of f in the registry

#define SHORTEST_NAP ((uint64_t)NS_PER_MS / 4)
#define LONGEST_NAP  ((uint64_t)NS_PER_MS * 8)

static bool push_attendant(lua_State *L) {
    lua_checkstack(L, LUA_MINSTACK);
    return lua_rawgetp(L, LUA_REGISTRYINDEX, &KEY) == LUA_TFUNCTION;
}

// With pools it first looks without sleeping: they are attended to only by those who must wait.
Vigil vigil_begin(lua_State *L, uint64_t deadline) {
    bool pools = push_attendant(L);
    lua_pop(L, 1);
    return (Vigil){
        .deadline = deadline, .until = pools ? DEADLINE_PASSED : deadline, .nap = SHORTEST_NAP};
}

Vigil vigil_alone(uint64_t deadline) {
    return (Vigil){.deadline = deadline, .until = deadline};
}

// What f returned is on top.
static void go_on(lua_State *L, Vigil *vigil) {
    bool happened = lua_toboolean(L, -1), busy = !lua_isnil(L, -1);
    lua_pop(L, 1);
    uint64_t next = happened ? DEADLINE_PASSED : clock_now() + vigil->nap;
    vigil->until = busy && next < vigil->deadline ? next : vigil->deadline;
    if (happened)
        vigil->nap = SHORTEST_NAP;
    else if (vigil->nap < LONGEST_NAP)
        vigil->nap *= 2;
}

bool vigil_look_around(lua_State *L, Vigil *vigil) {
    if (vigil->until >= vigil->deadline) return false;
    if (push_attendant(L)) lua_call(L, 0, 1);
    go_on(L, vigil);
    return true;
}

int vigil_look_around_safely(lua_State *L, Vigil *vigil) {
    if (vigil->until >= vigil->deadline) return 0;
    if (push_attendant(L) && lua_pcall(L, 0, 1, 0) != 0) return -1;
    go_on(L, vigil);
    return 1;
}

bool vigil_goes_on(lua_State *L, Vigil *vigil, int outcome) {
    if (outcome > 0) return false;
    if (outcome == 0) return vigil_look_around(L, vigil);
    interrupt_check(L);
    return true;
}

int vigil_goes_on_safely(lua_State *L, Vigil *vigil, int outcome) {
    if (outcome > 0) return 0;
    if (outcome == 0) return vigil_look_around_safely(L, vigil);
    return interrupt_check_safely(L) == 0 ? 1 : -1;
}

static int core_attend_with(lua_State *L) {
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &KEY);
    return 0;
}

void vigil_register(lua_State *L) {
    lua_pushcfunction(L, core_attend_with);
    lua_setfield(L, -2, "attend_with");
}
