/* Orders - what a worker shall not go on with, written by the parent into shared memory.
 *
 * An order names a task and one of its items, or all of it. The worker compares
 * it with what it is running, so one that comes late, when the item has ended by
 * itself, hits nobody. A signal makes the worker look at once; an item that it has
 * claimed (core/pool/claim.h) and not begun is refused when it would. */
#ifndef PARALLEL_LUA_POOL_ORDERS_H
#define PARALLEL_LUA_POOL_ORDERS_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { ORDERS_MOST = 8, ORDERS_WHOLE_TASK = 0 };

/* Real-time, and not at the ends of their range, where others look for theirs. */
#define ORDERS_SIGNAL (SIGRTMIN + 11)

typedef struct {
    _Atomic uint64_t task; // 0: a free slot
    _Atomic uint64_t item; // from 1, or ORDERS_WHOLE_TASK
} OrderSlot;

typedef struct {
    _Atomic uint32_t count; // of the slots in use: mostly none, which is seen at one look
    OrderSlot slots[ORDERS_MOST];
} Orders;

/* In the parent: adds one, about an item that was claimed. Of each task there is one: that about
 * the later item, since the earlier has ended by then. False when there is no room. */
bool orders_add(Orders *orders, uint64_t task, uint64_t item);

/* In the parent: the task has its answer, the orders about it are void. */
void orders_forget(Orders *orders, uint64_t task);

/* In the parent: is there any order about the task? */
bool orders_mention(Orders *orders, uint64_t task);

/* Is there an order about this item of the task? May be called in a signal handler. */
bool orders_condemn(Orders *orders, uint64_t task, uint64_t item);

#endif
