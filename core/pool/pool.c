#include "core/pool/pool.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/os/clock.h"
#include "core/os/fault.h"
#include "core/os/owner.h"
#include "core/os/sys.h"
#include "core/pool/deadline.h"
#include "core/pool/dispatch.h"

enum {
    LOOK_AGAIN_MS = 2, // how often the end of a worker that was killed is looked for
    BATCH = 64,        // poller events taken at once
};

struct Pool {
    Owner owner;
    Places places;
    Dispatch dispatch;
    uint64_t last_id, done, deaths, bytes_received;

    bool draining;
    Worker *lent; // its channel's first frame was handed out as an event
    Frame lent_frame;
    Buffer estate;            // what the last worker that died had in its ledger
    Buffer printed[CAPTURES]; // and in its captures
    Cut cut;                  // of which the owner has not been told
    int turn;                 // the worker to look at first, so that none is overheard
};

static void start_missing(Pool *pool) {
    if (!pool->draining && places_fill(&pool->places) > 0) dispatch_feed_all(&pool->dispatch);
}

// ---- events --------------------------------------------------------------

static void take_back_lent(Pool *pool) {
    if (pool->lent) channel_pass(&pool->lent->channel, &pool->lent_frame);
    pool->lent = NULL;
}

// What a worker says must be about the task whose turn it is. Anything else is
// not ours: somebody wrote to its pipe.
static bool settles_held(const Worker *worker, const Frame *frame) {
    const Task *running = worker->held.first;
    return running && frame->header.task == running->id &&
           (frame->header.kind == FRAME_PART || frame->header.kind == FRAME_RESULT ||
            frame->header.kind == FRAME_ERROR);
}

static PoolEventKind kind_of(const Frame *frame) {
    switch (frame->header.kind) {
    case FRAME_PART: return POOL_PART;
    case FRAME_RESULT: return POOL_RESULT;
    default: return POOL_ERROR;
    }
}

static void balance(Pool *pool) {
    if (!pool->cut.task) dispatch_relieve(&pool->dispatch, &pool->cut);
}

// The frame was the last one about the task at hand.
static void strike_off(Pool *pool, Worker *worker) {
    Task *task = worker_conclude(worker);
    orders_forget(&worker->board->orders, task->id);
    task_free(task);
    pool->done++;
    places_dismiss_surplus(&pool->places);
    dispatch_feed(&pool->dispatch, worker);
    if (worker_load(worker) == 0) balance(pool);
}

// It had been taken back in time.
static void strike_off_revoked(Pool *pool, Worker *worker) {
    worker->revoked--;
    dispatch_feed(&pool->dispatch, worker);
}

static void lend(Pool *pool, Worker *worker, const Frame *frame, PoolEvent *event) {
    *event = (PoolEvent){
        .kind = kind_of(frame),
        .worker = worker->index,
        .pid = worker->process.pid,
        .task = frame->header.task,
        .bytes = frame->payload,
        .size = frame->header.size,
        .handles = frame->handles,
        .handle_count = frame->header.handles,
    };
    pool->lent = worker;
    pool->lent_frame = *frame;
    pool->bytes_received += frame->header.size;
    FAULT("pool.result");
    if (event->kind != POOL_PART) strike_off(pool, worker);
}

static void welcome(Pool *pool, Worker *worker) {
    if (worker->state == WORKER_STARTING) worker->state = WORKER_READY;
    places_note_ready(&pool->places);
    places_dismiss_surplus(&pool->places);
    dispatch_feed_all(&pool->dispatch);
}

// 1 with *event: an answer; 0: nothing complete.
static int next_answer(Pool *pool, Worker *worker, PoolEvent *event) {
    Frame frame;
    int whole;
    while ((whole = channel_peek(&worker->channel, &frame)) == 1) {
        if (frame.header.kind == FRAME_READY)
            welcome(pool, worker);
        else if (frame.header.kind == FRAME_REFUSED)
            places_note_refused(&pool->places, frame.payload, frame.header.size);
        else if (frame.header.kind == FRAME_VOID && worker->revoked > 0)
            strike_off_revoked(pool, worker);
        else if (settles_held(worker, &frame)) {
            lend(pool, worker, &frame, event);
            return 1;
        } else
            break;
        channel_pass(&worker->channel, &frame);
    }
    if (whole != 0) {
        buffer_clear(&worker->channel.incoming);
        process_kill(&worker->process);
    }
    return 0;
}

// A copy: the replacement begins with an empty ledger before the owner has seen
// the event. Without memory for it the task ran in vain as far as it came.
static void inherit(Pool *pool, const Worker *worker, PoolEvent *event) {
    size_t size = ledger_read(worker->ledger, LEDGER_CAPACITY, event->task);
    buffer_clear(&pool->estate);
    if (buffer_append(&pool->estate, worker->ledger->bytes, size) == -1) size = 0;
    event->bytes = buffer_bytes(&pool->estate);
    event->size = size;
}

static void inherit_printed(Pool *pool, const Worker *worker, PoolEvent *event) {
    desk_read_printed(&worker->desk, pool->printed);
    for (int i = 0; i < CAPTURES; i++)
        event->printed[i] =
            (PoolText){buffer_bytes(&pool->printed[i]), buffer_size(&pool->printed[i])};
    event->reported = board_get(&worker->board->reported);
}

static void obituary(Pool *pool, Worker *worker, PoolEvent *event) {
    *event = (PoolEvent){.kind = POOL_DEATH,
                         .worker = worker->index,
                         .pid = worker->process.pid,
                         .item = board_get(&worker->board->item)};
    Task *running = worker_blame(worker);
    if (running) {
        event->task = running->id;
        inherit(pool, worker, event);
        orders_forget(&worker->board->orders, running->id);
    }
    event->ordered = worker->overdue;
    event->innocent = worker->overdue && (worker->stopping_task != event->task ||
                                          worker->stopping_item != event->item);
    task_free(running);
    event->end = process_reap(&worker->process);
    inherit_printed(pool, worker, event);
}

// One about which there are orders stays in this place, where they are written.
static void take_back_held(Pool *pool, Worker *worker) {
    for (Task *task; (task = task_queue_pop_last(&worker->held)) != NULL;) {
        if (orders_mention(&worker->board->orders, task->id)) task->worker = worker->index;
        dispatch_give_back(&pool->dispatch, task);
    }
}

// 1 with *event when the owner shall know; the place is free again in any case.
static int bury(Pool *pool, Worker *worker, PoolEvent *event) {
    bool starting = worker->state == WORKER_STARTING;
    obituary(pool, worker, event);
    bool sent_away = worker->state == WORKER_LEAVING && (pool->draining || !event->task);
    bool expected = starting || sent_away || worker_retired(worker);
    take_back_held(pool, worker);
    places_vacate(&pool->places, worker);
    pool->deaths += !expected;
    FAULT("pool.death");
    if (starting) places_note_start_death(&pool->places, &event->end);
    start_missing(pool);
    dispatch_feed_all(&pool->dispatch);
    return !expected;
}

// Drain before burying: what it had sent counts, whatever became of it since.
static int next_death(Pool *pool, Worker *worker, PoolEvent *event) {
    if (!worker_has_ended(worker)) {
        worker_end_silence(worker);
        return 0;
    }
    worker->ended = true;
    worker_fill_rest(worker);
    return next_answer(pool, worker, event) || bury(pool, worker, event);
}

// What only one worker was to run, and it cannot be had.
static int next_abandoned(Pool *pool, PoolEvent *event) {
    Task *task = places_abandoned(&pool->places);
    if (!task) return 0;
    *event = (PoolEvent){.kind = POOL_DEATH, .worker = task->worker, .task = task->id, .bytes = ""};
    event->end.exitcode = -1;
    free(task);
    return 1;
}

static int next_event(Pool *pool, PoolEvent *event) {
    for (int i = 0; i < pool->places.count; i++) {
        Worker *worker = &pool->places.workers[(pool->turn + i) % pool->places.count];
        if (worker->state == WORKER_ABSENT) continue;
        if (next_answer(pool, worker, event) || next_death(pool, worker, event)) {
            pool->turn = (worker->index + 1) % pool->places.count;
            return 1;
        }
    }
    return next_abandoned(pool, event);
}

// ---- waiting -------------------------------------------------------------

// The end may be that of a worker who was here before (see unwatch in core/pool/places.c).
static void on_ready(Pool *pool, uint64_t tag) {
    Worker *worker = &pool->places.workers[tag / TAGS];
    if (worker->state == WORKER_ABSENT) return;
    switch (tag % TAGS) {
    case TAG_END: worker->ended = process_has_ended(&worker->process); break;
    default:
        if (worker_fill(worker) == -1) pool->dispatch.starved = true;
        if (worker->silent) places_watch_channel(&pool->places, worker);
        if (worker->flooded) dispatch_flush(&pool->dispatch, worker);
    }
}

static int sooner(int a, int b) {
    return a == -1 || (b != -1 && b < a) ? b : a;
}

static int pause_before_deadline(const Pool *pool) {
    uint64_t now = clock_now(), next = dispatch_relief_at(&pool->dispatch);
    for (int i = 0; i < pool->places.count; i++) {
        uint64_t moment = deadline_next(&pool->places.workers[i], now);
        if (moment < next) next = moment;
    }
    if (next == DEADLINE_NONE) return -1;
    uint64_t ms = next > now ? (next - now) / NS_PER_MS + 1 : 0;
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

int pool_timeout(const Pool *pool) {
    if (pool->cut.task) return 0;
    int soonest = pool->draining ? -1 : places_timeout(&pool->places);
    for (int i = 0; i < pool->places.count; i++)
        soonest = sooner(soonest, worker_pause(&pool->places.workers[i]));
    return sooner(soonest, pause_before_deadline(pool));
}

static void enforce_deadlines(Pool *pool) {
    uint64_t now = clock_now();
    for (int i = 0; i < pool->places.count; i++) deadline_enforce(&pool->places.workers[i], now);
}

static int poll_once(Pool *pool, int timeout_ms) {
    PollerEvent events[BATCH];
    int count = poller_wait(&pool->places.poller, timeout_ms, events, BATCH);
    for (int i = 0; i < count; i++) on_ready(pool, events[i].tag);
    return count;
}

static bool under_way(const Pool *pool) {
    return pool->dispatch.queue.count > 0 || places_tasks(&pool->places) > 0;
}

static int remaining_ms(int timeout_ms, uint64_t since) {
    if (timeout_ms < 0) return -1;
    uint64_t passed = (clock_now() - since) / NS_PER_MS;
    return passed >= (uint64_t)timeout_ms ? 0 : timeout_ms - (int)passed;
}

static bool is_ours(const Pool *pool) {
    if (owner_is_here(&pool->owner)) return true;
    errno = EPERM;
    return false;
}

// 1 with *event when there is a task to tell of.
static int next_cut(Pool *pool, PoolEvent *event) {
    if (!pool->cut.task) return 0;
    *event = (PoolEvent){.kind = POOL_CUT, .task = pool->cut.task, .item = pool->cut.item};
    pool->cut.task = 0;
    return 1;
}

// There may be memory again.
static void feed_again(Pool *pool) {
    bool starved = pool->dispatch.starved;
    pool->dispatch.starved = false;
    if (starved) dispatch_feed_all(&pool->dispatch);
}

int pool_wait(Pool *pool, int timeout_ms, PoolEvent *event) {
    if (!is_ours(pool)) return -1;
    uint64_t since = clock_now();
    take_back_lent(pool);
    feed_again(pool);
    for (bool last = false;;) {
        start_missing(pool);
        enforce_deadlines(pool);
        if (next_cut(pool, event) || next_event(pool, event)) return 1;
        balance(pool);
        if (next_cut(pool, event)) return 1;
        if (places_broken(&pool->places)) {
            errno = ECHILD;
            return -1;
        }
        if (pool->dispatch.starved) {
            errno = ENOMEM;
            return -1;
        }
        if (last) return 0;
        int left = under_way(pool) ? remaining_ms(timeout_ms, since) : 0;
        last = left == 0;
        if (poll_once(pool, sooner(left, pool_timeout(pool))) == -1) return -1;
    }
}

// ---- the rest of the interface -------------------------------------------

int pool_take(Pool *pool, Buffer *to) {
    if (channel_take(&pool->lent->channel, &pool->lent_frame, to) == -1) return -1;
    pool->lent = NULL;
    return 0;
}

Pool *pool_open(const PoolOptions *options) {
    Pool *pool = sys.realloc(NULL, sizeof *pool);
    if (!pool) return NULL;
    *pool = (Pool){.owner = owner_here()};
    pool->dispatch = (Dispatch){.places = &pool->places, .window = (size_t)options->window};
    if (places_open(&pool->places, options->workers, &options->service, &options->starter,
                    options->keep, options->keep_context) == -1 ||
        (options->letter && pool_write_letter(pool, options->letter) == -1)) {
        pool_close(pool);
        return NULL;
    }
    start_missing(pool);
    return pool;
}

static Task *make_task(uint64_t id, const void *bytes, size_t size, const TaskTerms *terms) {
    Task *task = task_new(id, bytes, size);
    if (!task) return NULL;
    task->worker = terms->only - 1;
    task->limit = terms->limit;
    task->bulk = bulk_hold(terms->bulk);
    if (terms->items > 0) task->items = terms->items;
    if (bundle_make(&task->bundle, terms->handles, terms->handle_count) == 0) return task;
    task_free(task);
    return NULL;
}

int pool_write_letter(Pool *pool, const PoolLetter *letter) {
    TaskTerms terms = {.handles = letter->handles, .handle_count = letter->handle_count};
    Task *written = make_task(0, letter->bytes, letter->size, &terms);
    if (!written) return -1;
    places_take_letter(&pool->places, written);
    return 0;
}

uint64_t pool_submit(Pool *pool, const void *bytes, size_t size, TaskTerms terms) {
    if (!is_ours(pool)) return 0;
    Task *task = make_task(pool->last_id + 1, bytes, size, &terms);
    if (!task) return 0;
    pool->last_id++;
    FAULT("pool.submit");
    dispatch_add(&pool->dispatch, task);
    return pool->last_id;
}

// What its worker has not begun. The task, if that is all of it; otherwise NULL. The owner
// learns of a cut that it was to be told of now.
static Task *take_back(Pool *pool, Worker *worker, uint64_t id, uint64_t *from) {
    Task *task = task_queue_find(&worker->held, id);
    uint32_t items = task->items, left = worker_revoke(worker, task);
    if (left == 0) return task;
    bool was_cut = left < items || pool->cut.task == id;
    if (was_cut) pool->cut.task = 0;
    *from = was_cut ? (uint64_t)left + 1 : 0;
    return NULL;
}

static void withdraw(Pool *pool, Task *task) {
    if (task->worker != -1)
        orders_forget(&pool->places.workers[task->worker].board->orders, task->id);
    task_free(task);
}

PoolCancelled pool_cancel(Pool *pool, uint64_t id, uint64_t item, uint64_t *from) {
    *from = 0;
    if (!is_ours(pool)) return POOL_UNKNOWN;
    Worker *worker = places_holder(&pool->places, id);
    Task *task = worker ? take_back(pool, worker, id, from) : dispatch_take(&pool->dispatch, id);
    if (!worker && !task) return POOL_UNKNOWN;
    if (task) withdraw(pool, task), *from = 1;
    if (task || (*from && *from <= item)) return POOL_WITHDRAWN;
    return deadline_condemn(worker, id, item, clock_now()) ? POOL_STOPPED : POOL_REFUSED;
}

int pool_descriptor(const Pool *pool) {
    return pool->places.poller.fd;
}

int pool_workers(const Pool *pool) {
    return pool->places.wanted;
}

int pool_resize(Pool *pool, int workers) {
    if (!is_ours(pool)) return -1;
    take_back_lent(pool); // it points to a worker
    if (places_resize(&pool->places, workers) == -1) return -1;
    start_missing(pool);
    dispatch_feed_all(&pool->dispatch);
    return 0;
}

pid_t pool_worker_pid(const Pool *pool, int worker) {
    return pool->places.workers[worker].process.pid;
}

uint64_t pool_worker_memory(const Pool *pool, int worker) {
    return board_get(&pool->places.workers[worker].board->memory);
}

const char *pool_reason(const Pool *pool, size_t *size, bool *refused) {
    *refused = pool->places.refused;
    *size = buffer_size(&pool->places.reason);
    return buffer_bytes(&pool->places.reason);
}

ProcessEnd pool_start_end(const Pool *pool) {
    return pool->places.end;
}

PoolStats pool_stats(const Pool *pool) {
    PoolStats stats = {.workers = places_alive(&pool->places),
                       .queued = pool->dispatch.queue.count,
                       .done = pool->done,
                       .deaths = pool->deaths,
                       .bytes_sent = pool->dispatch.bytes_sent,
                       .bytes_received = pool->bytes_received};
    for (int i = 0; i < pool->places.count; i++) {
        stats.busy += pool->places.workers[i].held.count > 0;
        stats.queued += pool->places.workers[i].own.count;
        stats.progress += board_get(&pool->places.workers[i].board->progress);
    }
    return stats;
}

void pool_pause(Pool *pool) {
    if (!owner_is_here(&pool->owner)) return;
    for (int i = 0; i < pool->places.count; i++) process_pause(&pool->places.workers[i].process);
}

void pool_resume(Pool *pool, uint64_t pause) {
    if (!owner_is_here(&pool->owner)) return;
    for (int i = 0; i < pool->places.count; i++) {
        Worker *worker = &pool->places.workers[i];
        if (worker->state == WORKER_ABSENT) continue;
        deadline_postpone(worker, pause);
        process_resume(&worker->process);
    }
}

void pool_kill(Pool *pool, int worker) {
    process_kill(&pool->places.workers[worker].process);
}

static void drop_answers(Pool *pool) {
    PoolEvent event;
    do take_back_lent(pool);
    while (next_event(pool, &event));
}

int pool_drain(Pool *pool, int grace_ms) {
    if (!is_ours(pool)) return -1;
    pool->draining = true;
    FAULT("pool.drain");
    drop_answers(pool);
    for (int i = 0; i < pool->places.count; i++) worker_dismiss(&pool->places.workers[i]);
    for (uint64_t since = clock_now(); places_alive(&pool->places) > 0; drop_answers(pool)) {
        int left = remaining_ms(grace_ms, since);
        if (left == 0) places_kill(&pool->places);
        int ms = sooner(left ? left : LOOK_AGAIN_MS, pool_timeout(pool));
        if (poll_once(pool, ms) == -1 && errno != EINTR) return -1;
    }
    return 0;
}

void pool_close(Pool *pool) {
    if (!pool) return;
    FAULT("pool.close");
    if (owner_is_here(&pool->owner)) {
        places_kill(&pool->places);
        places_reap(&pool->places);
    } else
        places_disown(&pool->places);
    places_close(&pool->places);
    dispatch_close(&pool->dispatch);
    buffer_free(&pool->estate);
    for (int i = 0; i < CAPTURES; i++) buffer_free(&pool->printed[i]);
    owner_free(&pool->owner);
    free(pool);
}
