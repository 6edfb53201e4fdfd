/* Deadline - when the pool must look after a worker, and what it does then.
 *
 * A task may have a limit, the time that each of its items may take. An item
 * that is over it is condemned (core/pool/orders.h); so is one that was
 * cancelled. The worker has a moment to stop by itself, which tells more about
 * where it was; then it is killed. */
#ifndef PARALLEL_LUA_POOL_DEADLINE_H
#define PARALLEL_LUA_POOL_DEADLINE_H

#include "core/pool/worker.h"

#define DEADLINE_NONE UINT64_MAX

/* When deadline_enforce has something to do, as clock_now; `now` is that too. */
uint64_t deadline_next(const Worker *worker, uint64_t now);

/* Condemns an item that is over its limit, kills a worker that goes on with a condemned one. */
void deadline_enforce(Worker *worker, uint64_t now);

/* The worker, which stands still, did so for a while that does not count. */
void deadline_postpone(Worker *worker, uint64_t pause);

/* Condemns an item of a task that the worker holds, or all of it. Whether it is
 * running: otherwise it is not going to be begun. */
bool deadline_condemn(Worker *worker, uint64_t task, uint64_t item, uint64_t now);

#endif
