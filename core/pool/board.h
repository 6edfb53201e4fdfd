/* Board - what a worker says of itself, in memory that the parent shares.
 *
 * Written by that worker only (but for orders and claims, and while it is stopped); the parent
 * reads it without asking, above all after a death: a task that the worker had not begun is
 * innocent of it. A dying worker may have left anything here, so the parent checks what it reads
 * against what it knows. */
#ifndef PARALLEL_LUA_POOL_BOARD_H
#define PARALLEL_LUA_POOL_BOARD_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/os/clock.h"
#include "core/pool/claim.h"
#include "core/pool/orders.h"

typedef enum {
    BOARD_STARTING, // forked, the initializer not done
    BOARD_WAITING,  // for a task
    BOARD_RUNNING,  // a task
    BOARD_REPLYING, // its result is on the way
    BOARD_LEAVING,  // asked to end, or ending by itself
} BoardPhase;

typedef struct {
    _Atomic uint32_t phase;        // BoardPhase
    _Atomic uint64_t task;         // the task begun last, 0 before the first
    _Atomic uint64_t started;      // when it began, as clock_now
    _Atomic uint64_t item;         // which part of it is running, for tasks made of many
    _Atomic uint64_t item_started; // when that did, as clock_coarse; 0: no part is running
    _Atomic uint64_t progress;     // bytes of input worked off since the worker began
    _Atomic uint32_t retiring;     // it leaves when it has answered this task, and is replaced
    _Atomic uint64_t memory;       // bytes that the handler has in use, as it says
    _Atomic uint64_t carried[2];   // so many bytes of its captures (stdout, stderr) went out
    _Atomic uint64_t reported;     // so often its captures were reported, and then emptied
    Orders orders;                 // written by the parent
    Claim claims[CLAIMS_MOST];     // written by both
} Board;

static inline void board_set(_Atomic uint64_t *field, uint64_t value) {
    atomic_store_explicit(field, value, memory_order_relaxed);
}

static inline uint64_t board_get(_Atomic uint64_t *field) {
    return atomic_load_explicit(field, memory_order_relaxed);
}

/* For the next worker. Progress adds up, and orders are about tasks, whoever runs them. */
static inline void board_clear(Board *board) {
    board->phase = BOARD_STARTING;
    board->task = board->started = board->item = board->item_started = board->memory = 0;
    board->carried[0] = board->carried[1] = board->reported = 0;
    board->retiring = 0;
}

/* From now on this item is running: its start first, so that nobody who sees
 * the item takes the start of the one before for its own. */
static inline void board_begin_item(Board *board, uint64_t item) {
    board_set(&board->item_started, clock_coarse());
    atomic_store_explicit(&board->item, item, memory_order_release);
}

static inline void board_end_items(Board *board) {
    board_set(&board->item_started, 0);
}

static inline uint64_t board_item(Board *board) {
    return atomic_load_explicit(&board->item, memory_order_acquire);
}

/* In the worker: shall what it is running be stopped? */
static inline bool board_is_condemned(Board *board) {
    return board_get(&board->item_started) &&
           orders_condemn(&board->orders, board_get(&board->task), board_item(board));
}

static inline void board_enter(Board *board, BoardPhase phase) {
    atomic_store_explicit(&board->phase, (uint32_t)phase, memory_order_release);
}

static inline BoardPhase board_phase(Board *board) {
    return (BoardPhase)atomic_load_explicit(&board->phase, memory_order_acquire);
}

#endif
