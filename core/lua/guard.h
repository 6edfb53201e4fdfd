/* Guard - what items are held to: to end when told or when their time is over, to do with so
 * much memory.
 *
 * Self.own of a worker. Where items run in the process that asks for them it is NULL, unless they
 * have a limit. */
#ifndef PARALLEL_LUA_LUA_GUARD_H
#define PARALLEL_LUA_LUA_GUARD_H

#include "core/lua/cap.h"
#include "core/lua/stop.h"
#include "core/pool/serve.h"

typedef struct {
    Stop stop;
    Cap cap;
} Guard;

/* In a worker, before its first task; `memory` in bytes, 0 for no cap. The guard
 * lives as long as the process. */
static inline void guard_prepare(Guard *guard, lua_State *L, Self *self, size_t memory) {
    self->own = guard;
    stop_prepare(&guard->stop, L, self->board);
    if (memory) cap_install(&guard->cap, L, memory);
}

/* Raises when the running item is condemned. Mostly none is, which is seen at one look. */
static inline void guard_check(lua_State *L, const Self *self) {
    const Guard *guard = self->own;
    if (guard && (guard->stop.ends || self->board->orders.count)) stop_check(&guard->stop, L);
}

/* This item is running now; it may be condemned already. */
static inline void guard_begin_item(const Self *self, uint64_t item) {
    Guard *guard = self->own;
    board_begin_item(self->board, item);
    if (guard) stop_begin_item(&guard->stop);
}

/* What runs from here on is no item, and has all the time. */
static inline void guard_end_item(const Self *self) {
    Guard *guard = self->own;
    board_end_items(self->board);
    if (guard) guard->stop.ends = 0;
}

#endif
