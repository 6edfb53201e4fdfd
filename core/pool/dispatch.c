#include "core/pool/dispatch.h"

#include "core/os/clock.h"
#include "core/os/fault.h"
#include "core/pool/deadline.h"

static TaskQueue *queue_of(Dispatch *dispatch, const Task *task) {
    return task->worker == -1 ? &dispatch->queue : &dispatch->places->workers[task->worker].own;
}

void dispatch_add(Dispatch *dispatch, Task *task) {
    task_queue_push(queue_of(dispatch, task), task);
    dispatch_feed_all(dispatch);
}

void dispatch_give_back(Dispatch *dispatch, Task *task) {
    task_queue_push_front(queue_of(dispatch, task), task);
}

// Watching for room costs a system call, so it is done only while there is none.
void dispatch_flush(Dispatch *dispatch, Worker *worker) {
    bool was_flooded = worker->flooded;
    worker_flush(worker);
    if (worker->flooded != was_flooded) places_watch_channel(dispatch->places, worker);
    if (worker->state == WORKER_LEAVING) worker_dismiss(worker);
}

static bool takes_tasks(const Worker *worker, WorkerState state) {
    return worker->state == state && !worker->ended && !worker->silent &&
           worker_load(worker) < CLAIMS_MOST;
}

// Those that only this worker may run go first, and do not count: all are told the like.
static Task *next_task(Dispatch *dispatch, Worker *worker, size_t most) {
    if (worker->own.count > 0) return task_queue_pop(&worker->own);
    if (dispatch->queue.count == 0 || worker->index >= dispatch->places->wanted) return NULL;
    size_t common = task_queue_common(&worker->held) + worker->revoked;
    return common < most ? task_queue_pop(&dispatch->queue) : NULL;
}

static bool feed(Dispatch *dispatch, Worker *worker, WorkerState state, size_t most) {
    if (!takes_tasks(worker, state)) return false;
    Task *task = next_task(dispatch, worker, most);
    if (!task) return false;
    if (worker_send(worker, task) == -1) {
        dispatch_give_back(dispatch, task);
        dispatch->starved = true;
        return false;
    }
    dispatch->bytes_sent += task->size + bulk_size(task->bulk);
    dispatch_flush(dispatch, worker);
    return true;
}

void dispatch_feed(Dispatch *dispatch, Worker *worker) {
    feed(dispatch, worker, WORKER_READY, dispatch->window);
}

static void feed_each(Dispatch *dispatch, WorkerState state, size_t most) {
    for (int i = 0; i < dispatch->places->count; i++)
        while (feed(dispatch, &dispatch->places->workers[i], state, most)) {}
}

void dispatch_feed_all(Dispatch *dispatch) {
    feed_each(dispatch, WORKER_READY, 1);
    feed_each(dispatch, WORKER_STARTING, 1);
    for (size_t most = 2; most <= dispatch->window; most++) feed_each(dispatch, WORKER_READY, most);
}

Task *dispatch_take(Dispatch *dispatch, uint64_t id) {
    Task *task = task_queue_take(&dispatch->queue, id);
    for (int i = 0; i < dispatch->places->count && !task; i++)
        task = task_queue_take(&dispatch->places->workers[i].own, id);
    return task;
}

uint64_t dispatch_relief_at(const Dispatch *dispatch) {
    return dispatch->queue.count > 0 ? DEADLINE_NONE : relief_next(dispatch->places);
}

bool dispatch_relieve(Dispatch *dispatch, Cut *cut) {
    uint64_t when = dispatch_relief_at(dispatch), now;
    if (when == DEADLINE_NONE || when > (now = clock_now())) return false;
    FAULT("pool.relieve");
    Task *task = relief_take(dispatch->places, now, cut);
    if (!task) {
        if (!cut->task) *cut = relief_cut(dispatch->places, now);
        return cut->task != 0;
    }
    dispatch_give_back(dispatch, task);
    dispatch_feed_all(dispatch);
    return false;
}

void dispatch_close(Dispatch *dispatch) {
    task_queue_free(&dispatch->queue);
}
