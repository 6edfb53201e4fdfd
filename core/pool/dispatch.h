/* Dispatch - which task goes to which worker, and when.
 *
 * Every worker gets its first task before any gets its second, also one that is still
 * starting: its channel keeps the task until it is ready. A few tasks wait in each worker's
 * channel, so that it is never idle between two. When one has nothing to do while tasks
 * wait behind another's, they are taken back and given to it (core/pool/relief.h). */
#ifndef PARALLEL_LUA_POOL_DISPATCH_H
#define PARALLEL_LUA_POOL_DISPATCH_H

#include "core/pool/relief.h"

typedef struct {
    Places *places;
    size_t window;   // tasks for any worker that one holds at most
    TaskQueue queue; // tasks for any worker that none holds; others are in worker.own
    uint64_t bytes_sent;
    bool starved; // there was no memory to send a task, or to read an answer
} Dispatch;

/* Hands over a task, behind those that wait; frees it in the end. */
void dispatch_add(Dispatch *dispatch, Task *task);

/* The same, before those that wait: it had its turn. */
void dispatch_give_back(Dispatch *dispatch, Task *task);

/* Sends what there is room for: to one worker, or to all. */
void dispatch_feed(Dispatch *dispatch, Worker *worker);
void dispatch_feed_all(Dispatch *dispatch);

/* Writes what waits for room in the worker's channel. */
void dispatch_flush(Dispatch *dispatch, Worker *worker);

/* Takes the task of this number from those that no worker holds; NULL: it is not there. */
Task *dispatch_take(Dispatch *dispatch, uint64_t id);

/* When a worker that has nothing is to be relieved another's, as clock_now; DEADLINE_NONE: never.
 */
uint64_t dispatch_relief_at(const Dispatch *dispatch);

/* Does that when it is time: sends what another holds to the one that has nothing. When that
 * is the rest of a task under way, which only its maker can divide: true, and `cut` tells which. */
bool dispatch_relieve(Dispatch *dispatch, Cut *cut);

/* Frees those that no worker holds. */
void dispatch_close(Dispatch *dispatch);

#endif
