#include "core/pool/relief.h"

#include "core/os/clock.h"
#include "core/os/fault.h"
#include "core/pool/deadline.h"

static bool has_nothing(const Places *places, const Worker *worker) {
    return worker->state == WORKER_READY && worker->index < places->wanted && !worker->ended &&
           !worker->silent && worker_load(worker) == 0 && worker->own.count == 0;
}

static bool anybody_has_nothing(const Places *places) {
    for (int i = 0; i < places->count; i++)
        if (has_nothing(places, &places->workers[i])) return true;
    return false;
}

// One that is ready begins its first task at once: only those behind it wait.
static Task *first_waiting(const Worker *worker) {
    Task *task = worker->held.first;
    if (task && worker->state != WORKER_STARTING) task = task->next;
    while (task && (task->worker != -1 || orders_mention(&worker->board->orders, task->id)))
        task = task->next;
    return task && claim_left(task->claim, task->items, 0) == 0 ? task : NULL;
}

// Its first item is always the worker's own, begun or not.
static bool can_be_cut(const Worker *worker) {
    const Task *task = worker->held.first;
    return task && worker->state != WORKER_STARTING && task->worker == -1 &&
           claim_left(task->claim, task->items, 1) < task->items;
}

static uint64_t patience_ends(const Worker *worker) {
    return worker->since + (uint64_t)RELIEF_MS * NS_PER_MS;
}

static bool holds_too_much(const Worker *worker) {
    return worker->state != WORKER_ABSENT && !worker->ended &&
           (first_waiting(worker) || can_be_cut(worker));
}

uint64_t relief_next(const Places *places) {
    uint64_t next = DEADLINE_NONE;
    if (!anybody_has_nothing(places)) return next;
    for (int i = 0; i < places->count; i++) {
        const Worker *worker = &places->workers[i];
        if (holds_too_much(worker) && patience_ends(worker) < next) next = patience_ends(worker);
    }
    return next;
}

// The one that holds the task that came first of those that can be taken.
static Worker *find_holder(const Places *places, uint64_t now) {
    Worker *holder = NULL;
    for (int i = 0; i < places->count; i++) {
        Worker *worker = &places->workers[i];
        if (worker->state == WORKER_ABSENT || worker->ended || patience_ends(worker) > now)
            continue;
        const Task *task = first_waiting(worker);
        if (task && (!holder || task->id < first_waiting(holder)->id)) holder = worker;
    }
    return holder;
}

Task *relief_take(Places *places, uint64_t now, Cut *cut) {
    Worker *holder = find_holder(places, now);
    if (!holder) return NULL;
    Task *task = first_waiting(holder);
    FAULT("relief.take");
    if (!task) return NULL;
    uint32_t items = task->items, left = worker_revoke(holder, task);
    if (left == 0) return task;
    if (left < items) *cut = (Cut){.task = task->id, .item = left + 1};
    return NULL;
}

Cut relief_cut(Places *places, uint64_t now) {
    for (int i = 0; i < places->count; i++) {
        const Worker *worker = &places->workers[i];
        if (worker->state == WORKER_ABSENT || worker->ended || patience_ends(worker) > now ||
            !can_be_cut(worker))
            continue;
        FAULT("relief.cut");
        Task *task = worker->held.first;
        uint32_t left = claim_cut(task->claim, task->items, 1);
        if (left >= task->items) continue;
        task->items = left;
        return (Cut){.task = task->id, .item = left + 1};
    }
    return (Cut){0};
}
