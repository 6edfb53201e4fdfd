/* Stop - ends the item that is running, by raising an error where it is.
 *
 * In a worker the pool asks for it from a signal handler (Service.stop), which sets a debug
 * hook, as the lua program does for Ctrl-C. Where items run in the process that asks for
 * them nobody looks on: there the hook is set when an item with a limit begins, and looks at
 * the clock now and then. It leaves a hook of the user's alone, such as a debugger's, and then
 * only the item's end shows that it took too long.
 *
 * The hook raises at every instruction until the item has ended: a pcall in the user's code
 * catches it in vain. It reaches neither C code, nor a coroutine in its own endless loop, nor code
 * that LuaJIT compiled; then the pool kills the worker.
 *
 * Items may run items, in a pool without processes: each has its Stop, and one that is
 * condemned ends what runs in it. */
#ifndef PARALLEL_LUA_LUA_STOP_H
#define PARALLEL_LUA_LUA_STOP_H

#include <stdbool.h>

#include "core/lua/compat.h"
#include "core/pool/board.h"

enum { STOP_PLACE_SIZE = 128 };

typedef struct Stop Stop;

struct Stop {
    lua_State *L; // runs the items
    Board *board;
    Stop *outer;                 // of the item that runs these items; NULL: none
    uint64_t limit;              // nanoseconds that an item may take; 0: a pool sees to that
    uint64_t ends;               // when the running one has taken so long, as clock_now; 0: none is
    bool raised;                 // in the running item
    char place[STOP_PLACE_SIZE]; // where that was, "file:line"
    lua_Hook hook;               // the user's own, to be put back
    int mask, count;
};

/* The argument, seconds that an item may take or nil, as nanoseconds; 0: no limit, and so is more
 * than a century. */
uint64_t stop_check_limit(lua_State *L, int arg);

/* In a worker, before its first task. `stop` lives as long as the process. */
void stop_prepare(Stop *stop, lua_State *L, Board *board);

/* Where no pool looks on: from now on L runs items that may take `limit` nanoseconds each. */
void stop_enter(Stop *stop, lua_State *L, Board *board, uint64_t limit);

/* No more of them; must be called in the reverse order. */
void stop_leave(const Stop *stop);

/* A Service.stop: from now on the running item is being ended. */
void stop_request(void *stop);

/* An item begins: its limit counts from now. */
void stop_begin_item(Stop *stop);

/* Shall the running item be ended? */
bool stop_is_due(const Stop *stop);

/* Raises when the item is condemned: as it begins, since that may have been so
 * before; and as it ends, since it may have caught what was raised in it. */
void stop_check(const Stop *stop, lua_State *L);

/* The item has ended: raises no more. Whether it was condemned; `place` is "" or where it stopped.
 */
bool stop_end_item(Stop *stop);

#endif
