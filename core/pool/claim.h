/* Claim - which items of a task are still to be had, and by whom: its worker begins them
 * one by one from the front, and the pool takes back from the end what has not begun.
 *
 *      63              32 31               0
 *     +------------------+------------------+
 *     |  end             |  begun           |
 *     +------------------+------------------+
 *
 * The worker begins the next item by moving `begun`, which must be before `end`; the pool
 * takes items back by moving `end`, not before `begun`. Both change the one word in
 * one step: of those who want an item the first has it, and the others see that. So none
 * is run twice, and none is left to nobody.
 *
 * A worker's claims lie on its board. The n-th task that it is sent has claim n %
 * CLAIMS_MOST, which is free by then: it holds fewer. */
#ifndef PARALLEL_LUA_POOL_CLAIM_H
#define PARALLEL_LUA_POOL_CLAIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef _Atomic uint64_t Claim;

enum { CLAIMS_MOST = 16 };

/* In the pool, before the task is sent. */
static inline void claim_open(Claim *claim, uint32_t items) {
    atomic_store(claim, (uint64_t)items << 32);
}

/* In the worker: it begins the next item. False: there is none, or no more. */
static inline bool claim_next(Claim *claim) {
    uint64_t now = atomic_load_explicit(claim, memory_order_relaxed);
    while ((uint32_t)now < now >> 32)
        if (atomic_compare_exchange_weak(claim, &now, now + 1)) return true;
    return false;
}

/* In the pool: how many of `items` would stay the worker's if those that it has not begun were
 * taken back, and at least so many left. A word that is not of our making leaves all. */
static inline uint32_t claim_left(Claim *claim, uint32_t items, uint32_t least) {
    uint64_t now = atomic_load(claim);
    uint32_t begun = (uint32_t)now;
    if (now >> 32 != items || begun > items) return items;
    return begun > least ? begun : least;
}

/* In the pool: takes them back. How many stay the worker's; `items`: there was nothing to take. */
static inline uint32_t claim_cut(Claim *claim, uint32_t items, uint32_t least) {
    for (;;) {
        uint64_t now = atomic_load(claim);
        uint32_t left = claim_left(claim, items, least);
        if (left >= items) return items;
        uint64_t cut = (uint64_t)left << 32 | (uint32_t)now;
        if (atomic_compare_exchange_strong(claim, &now, cut)) return left;
    }
}

#endif
