#include "core/pool/deadline.h"

#include "core/os/clock.h"

enum {
    GRACE_MS = 200, // for a condemned item to stop by itself
    GRAIN_MS = 10,  // at most so much too early did the coarse clock say that it began
};

// The item that a worker is running, as far as its board is to be believed.
typedef struct {
    uint64_t task, item;
    uint64_t since; // 0: none
} Running;

// The item is read before its start, which is written the other way round: an
// item is never seen with the start of the one before.
static Running running(const Worker *worker) {
    const Task *first = worker->held.first;
    if (!first || worker->state == WORKER_ABSENT || board_phase(worker->board) != BOARD_RUNNING)
        return (Running){0};
    Running now = {.item = board_item(worker->board)};
    now.since = board_get(&worker->board->item_started);
    now.task = board_get(&worker->board->task);
    return now.task == first->id ? now : (Running){0};
}

static uint64_t later(uint64_t since, uint64_t time) {
    return time > DEADLINE_NONE - since ? DEADLINE_NONE : since + time;
}

static bool is_condemned(const Worker *worker, const Running *now) {
    return now->since && orders_condemn(&worker->board->orders, now->task, now->item);
}

static uint64_t end_of(uint64_t since, uint64_t limit) {
    return later(later(since, limit), (uint64_t)GRAIN_MS * NS_PER_MS);
}

// Killed for this item, and no other that came to run in the meantime.
static bool is_being_stopped(const Worker *worker, const Running *now) {
    return worker->kill_at && worker->stopping_task == now->task &&
           worker->stopping_item == now->item;
}

uint64_t deadline_next(const Worker *worker, uint64_t now) {
    const Task *first = worker->held.first;
    if (!first || worker->overdue) return DEADLINE_NONE;
    Running item = running(worker);
    if (is_condemned(worker, &item)) return is_being_stopped(worker, &item) ? worker->kill_at : now;
    // One that has not begun cannot be over its limit before this moment plus the limit.
    if (first->limit) return end_of(item.since ? item.since : now, first->limit);
    return worker->board->orders.count ? later(now, (uint64_t)GRACE_MS * NS_PER_MS) : DEADLINE_NONE;
}

static void kill_for(Worker *worker, const Running *item) {
    worker->stopping_task = item->task;
    worker->stopping_item = item->item;
    worker->overdue = true;
    process_kill(&worker->process);
}

static void stop(Worker *worker, const Running *item, uint64_t now) {
    worker->stopping_task = item->task;
    worker->stopping_item = item->item;
    worker->kill_at = later(now, (uint64_t)GRACE_MS * NS_PER_MS);
    process_signal(&worker->process, ORDERS_SIGNAL);
}

void deadline_enforce(Worker *worker, uint64_t now) {
    const Task *first = worker->held.first;
    if (!first || worker->overdue) return;
    if (!first->limit && !worker->board->orders.count) return;
    Running item = running(worker);
    if (!item.since) return;
    if (is_being_stopped(worker, &item)) {
        if (now >= worker->kill_at) kill_for(worker, &item);
    } else if (is_condemned(worker, &item))
        stop(worker, &item, now);
    else if (first->limit && now >= end_of(item.since, first->limit)) {
        if (orders_add(&worker->board->orders, item.task, item.item))
            stop(worker, &item, now);
        else
            kill_for(worker, &item);
    }
}

// The worker writes when an item began, but not now.
void deadline_postpone(Worker *worker, uint64_t pause) {
    uint64_t began = board_get(&worker->board->item_started);
    if (began) board_set(&worker->board->item_started, began + pause);
    if (worker->kill_at) worker->kill_at = later(worker->kill_at, pause);
    if (worker->silent) worker->silent += pause;
}

bool deadline_condemn(Worker *worker, uint64_t task, uint64_t item, uint64_t now) {
    Running current = running(worker);
    bool told = orders_add(&worker->board->orders, task, item);
    bool hit = current.since && current.task == task &&
               (item == ORDERS_WHOLE_TASK || item == current.item);
    if (hit && told)
        stop(worker, &current, now);
    else if (hit)
        kill_for(worker, &current);
    else if (told)
        process_signal(&worker->process, ORDERS_SIGNAL); // it may begin just now
    return hit;
}
