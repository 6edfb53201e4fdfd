/* Task - a payload on its way to a worker, and the queues in which it waits. */
#ifndef PARALLEL_LUA_POOL_TASK_H
#define PARALLEL_LUA_POOL_TASK_H

#include <stddef.h>
#include <stdint.h>

#include "core/pool/claim.h"
#include "core/wire/bulk.h"
#include "core/wire/bundle.h"

typedef struct Task Task;

struct Task {
    Task *next; // in its queue
    uint64_t id;
    uint64_t limit; // nanoseconds that each of its items may take, or 0
    int worker;     // the only one that may run it, or -1 for any
    uint32_t items; // that it is made of
    Claim *claim;   // of the worker that holds it
    Bundle *bundle; // goes with it, as often as it is sent; NULL: none
    Bulk *bulk;     // likewise
    size_t size;
    char bytes[]; // the payload, opaque here
};

typedef struct {
    Task *first, *last;
    size_t count;
} TaskQueue;

/* A task for any worker, with a copy of the payload; NULL with ENOMEM. */
Task *task_new(uint64_t id, const void *bytes, size_t size);
void task_free(Task *task); // NULL is harmless

void task_queue_push(TaskQueue *queue, Task *task);
Task *task_queue_pop(TaskQueue *queue); // the first, or NULL

void task_queue_push_front(TaskQueue *queue, Task *task);
Task *task_queue_pop_last(TaskQueue *queue); // for short queues: it walks

/* The task of this number, taken out of the queue, or NULL. */
Task *task_queue_take(TaskQueue *queue, uint64_t id);

Task *task_queue_find(const TaskQueue *queue, uint64_t id); // which stays in it

/* How many of them any worker may run; for short queues. */
size_t task_queue_common(const TaskQueue *queue);

void task_queue_free(TaskQueue *queue); // and the tasks in it

#endif
