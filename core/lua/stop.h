/* Stop - ends the item that a worker is running, by raising an error where it is.
 *
 * The pool asks for it from a signal handler (Service.stop), which sets a debug
 * hook, as the lua program does for Ctrl-C. The hook raises at every instruction
 * until the item has ended: a pcall in the user's code catches it in vain. It
 * reaches neither C code, nor a coroutine in its own endless loop, nor code that
 * LuaJIT compiled; then the pool kills the worker. */
#ifndef PARALLEL_LUA_LUA_STOP_H
#define PARALLEL_LUA_LUA_STOP_H

#include <stdbool.h>

#include "core/lua/compat.h"
#include "core/pool/board.h"

enum { STOP_PLACE_SIZE = 128 };

typedef struct {
    lua_State *L; // runs the items
    Board *board;
    bool raised;                 // in the running item
    char place[STOP_PLACE_SIZE]; // where that was, "file:line"
    lua_Hook hook;               // the user's own, to be put back
    int mask, count;
} Stop;

/* In a worker, before its first task. `stop` lives as long as the process. */
void stop_prepare(Stop *stop, lua_State *L, Board *board);

/* A Service.stop: from now on the running item is being ended. */
void stop_request(void *stop);

/* Raises when the item is condemned: as it begins, since that may have been so
 * before; and as it ends, since it may have caught what was raised in it. */
void stop_check(const Stop *stop, lua_State *L);

/* The item has ended: raises no more. Whether it was condemned; `place` is "" or where it stopped.
 */
bool stop_end_item(Stop *stop);

#endif
