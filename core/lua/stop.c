#include "core/lua/stop.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/lua/blame.h"
#include "core/os/clock.h"

enum { GLANCE = 1000 }; // instructions between two looks at the clock

static const char STOP; // its address is the key in the registry
static const char MESSAGE[] = "the task was cancelled or took too long";

static Stop *stop_of(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &STOP);
    Stop *stop = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return stop;
}

static void set_stop(lua_State *L, Stop *stop) {
    lua_pushlightuserdata(L, stop);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &STOP);
}

bool stop_is_due(const Stop *stop) {
    return (stop->ends && clock_now() >= stop->ends) || board_is_condemned(stop->board);
}

// ---- the hook ------------------------------------------------------------

static void note_place(Stop *stop, lua_State *L, lua_Debug *at) {
    lua_getinfo(L, "l", at);
    if (at->currentline > 0)
        snprintf(stop->place, sizeof stop->place, "%s:%d", at->short_src, at->currentline);
}

static void look_here(lua_State *L, lua_Debug *at);

static void look_every(lua_State *L, int instructions) {
    lua_sethook(L, look_here, LUA_MASKCOUNT, instructions);
}

static bool anybody_watches(const Stop *stop) {
    while (stop && !stop->ends) stop = stop->outer;
    return stop;
}

// A coroutine that was made meanwhile inherited the hook, and may outlive the item.
static void withdraw(lua_State *L, const Stop *innermost) {
    if (anybody_watches(innermost))
        look_every(L, GLANCE);
    else if (innermost)
        lua_sethook(L, innermost->hook, innermost->mask, innermost->count);
    else
        lua_sethook(L, NULL, 0, 0);
}

// A pool of this process would be broken. What of LuaJIT's library is written in Lua ends soon, and
// ours may have called it.
static bool is_left_to_end(const lua_Debug *at) {
    static const char BUILTIN[] = "[builtin:";
    return blame_is_ours(at) || strncmp(at->short_src, BUILTIN, sizeof BUILTIN - 1) == 0;
}

static void look_here(lua_State *L, lua_Debug *at) {
    Stop *innermost = stop_of(L), *stop = innermost;
    while (stop && !stop_is_due(stop)) stop = stop->outer;
    if (!stop) return withdraw(L, innermost);
    lua_getinfo(L, "S", at);
    if (stop->limit) {
        look_every(L, 1);
        look_every(stop->L, 1);
        if (is_left_to_end(at)) return;
    }
    if (!stop->raised) note_place(stop, L, at);
    stop->raised = true;
    lua_pushfstring(L, "%s%s%s", stop->place, stop->place[0] ? ": " : "", MESSAGE);
    lua_error(L);
}

static void put_back(Stop *stop) {
    lua_sethook(stop->L, stop->hook, stop->mask, stop->count);
    stop->hook = NULL;
    stop->mask = stop->count = 0;
}

// ---- whose items ---------------------------------------------------------

uint64_t stop_check_limit(lua_State *L, int arg) {
    lua_Number seconds = luaL_optnumber(L, arg, HUGE_VAL);
    luaL_argcheck(L, seconds > 0, arg, "a limit must be more than 0 seconds");
    return seconds < 4e9 ? (uint64_t)(seconds * 1e9) + 1 : 0;
}

void stop_prepare(Stop *stop, lua_State *L, Board *board) {
    *stop = (Stop){.L = L, .board = board};
    set_stop(L, stop);
}

void stop_enter(Stop *stop, lua_State *L, Board *board, uint64_t limit) {
    *stop = (Stop){.L = L, .board = board, .limit = limit, .outer = stop_of(L)};
    set_stop(L, stop);
}

void stop_leave(const Stop *stop) {
    set_stop(stop->L, stop->outer);
}

// ---- from one item to the next -------------------------------------------

void stop_request(void *context) {
    Stop *stop = context;
    if (lua_gethook(stop->L) == look_here) return;
    stop->hook = lua_gethook(stop->L);
    stop->mask = lua_gethookmask(stop->L);
    stop->count = lua_gethookcount(stop->L);
    look_every(stop->L, 1);
}

void stop_begin_item(Stop *stop) {
    if (!stop->limit) return;
    stop->ends = clock_now() + stop->limit;
    if (!lua_gethook(stop->L)) look_every(stop->L, GLANCE);
}

void stop_check(const Stop *stop, lua_State *L) {
    if (stop_is_due(stop)) luaL_error(L, "%s", MESSAGE);
}

bool stop_end_item(Stop *stop) {
    bool condemned = stop->raised || stop_is_due(stop);
    board_end_items(stop->board);
    stop->ends = 0;
    if (!stop->outer && lua_gethook(stop->L) == look_here) put_back(stop);
    if (!stop->raised) stop->place[0] = '\0';
    stop->raised = false;
    return condemned;
}
