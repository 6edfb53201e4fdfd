#include "core/lua/stop.h"

#include <stdio.h>

static const char STOP; // its address is the key in the registry
static const char MESSAGE[] = "the task was cancelled or took too long";

static Stop *stop_of(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &STOP);
    Stop *stop = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return stop;
}

static void note_place(Stop *stop, lua_State *L, lua_Debug *at) {
    lua_getinfo(L, "Sl", at);
    if (at->currentline > 0)
        snprintf(stop->place, sizeof stop->place, "%s:%d", at->short_src, at->currentline);
}

// A coroutine that was made meanwhile inherited the hook, and may outlive the item.
static void raise_here(lua_State *L, lua_Debug *at) {
    Stop *stop = stop_of(L);
    if (!board_is_condemned(stop->board)) {
        lua_sethook(L, stop->hook, stop->mask, stop->count);
        return;
    }
    if (!stop->raised) note_place(stop, L, at);
    stop->raised = true;
    lua_pushfstring(L, "%s%s%s", stop->place, stop->place[0] ? ": " : "", MESSAGE);
    lua_error(L);
}

void stop_prepare(Stop *stop, lua_State *L, Board *board) {
    *stop = (Stop){.L = L, .board = board};
    lua_pushlightuserdata(L, stop);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &STOP);
}

void stop_request(void *context) {
    Stop *stop = context;
    if (lua_gethook(stop->L) == raise_here) return;
    stop->hook = lua_gethook(stop->L);
    stop->mask = lua_gethookmask(stop->L);
    stop->count = lua_gethookcount(stop->L);
    lua_sethook(stop->L, raise_here, LUA_MASKCOUNT, 1);
}

void stop_check(const Stop *stop, lua_State *L) {
    if (board_is_condemned(stop->board)) luaL_error(L, "%s", MESSAGE);
}

bool stop_end_item(Stop *stop) {
    bool condemned = stop->raised || board_is_condemned(stop->board);
    board_end_items(stop->board);
    if (lua_gethook(stop->L) == raise_here)
        lua_sethook(stop->L, stop->hook, stop->mask, stop->count);
    if (!stop->raised) stop->place[0] = '\0';
    stop->raised = false;
    return condemned;
}
