#include "core/pool/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/os/clock.h"
#include "core/os/descriptor.h"
#include "core/os/fault.h"
#include "core/os/poller.h"
#include "core/os/sys.h"
#include "core/pool/worker.h"

enum {
    MOST_STARTS = 5,     // in a row that fail, before the pool is given up
    FIRST_PAUSE_MS = 10, // after one, doubled each time
    SILENCE_MS = 100,    // a worker that closed its channel may still run
    LOOK_AGAIN_MS = 2,   // how often, when only looking tells that it ended
    BATCH = 64,          // poller events taken at once
};

struct Pool {
    pid_t owner;
    int count, window;
    Service service;
    Worker *workers;
    int *keep; // what workers inherit, with room for two more
    int keep_count;
    Poller poller;

    TaskQueue queue; // for any worker
    uint64_t last_id, done, deaths, bytes_sent, bytes_received;

    bool draining;
    bool begun;          // some worker has been ready
    int failed_starts;   // in a row
    uint64_t next_start; // not before, as clock_now
    bool refused;        // the reason is what the service wrote
    Buffer reason;       // why the last start failed
    Worker *lent;        // its channel's first frame was handed out as an event
    Frame lent_frame;
    Buffer estate; // what the last worker that died had in its ledger
    int turn;      // the worker to look at first, so that none is overheard
};

// Poller tags: the worker's index and which of its descriptors.
enum { TAG_RESULTS, TAG_TASKS, TAG_END, TAGS };

// ---- starting and restarting ---------------------------------------------

static uint64_t tag_of(const Worker *worker, int which) {
    return (uint64_t)worker->index * TAGS + (uint64_t)which;
}

static int watch(Pool *pool, Worker *worker) {
    int end = worker->process.pidfd;
    if (poller_watch(&pool->poller, worker->channel.in, POLLER_READ, tag_of(worker, TAG_RESULTS)) ==
        -1)
        return -1;
    return end == -1 ? 0 : poller_watch(&pool->poller, end, POLLER_READ, tag_of(worker, TAG_END));
}

// Explicitly, since closing is not enough: a child that was forked meanwhile and
// has not closed its copies yet would keep them in the poller, under a tag that
// is by then the replacement's.
static void unwatch(Pool *pool, Worker *worker) {
    poller_watch(&pool->poller, worker->channel.in, 0, 0);
    if (worker->flooded) poller_watch(&pool->poller, worker->channel.out, 0, 0);
    if (worker->process.pidfd != -1) poller_watch(&pool->poller, worker->process.pidfd, 0, 0);
}

static void note_failed_start(Pool *pool) {
    int doubled = pool->failed_starts < MOST_STARTS ? pool->failed_starts : MOST_STARTS;
    uint64_t pause = (uint64_t)FIRST_PAUSE_MS << doubled;
    pool->next_start = clock_now() + pause * NS_PER_MS;
    pool->failed_starts++;
}

static void note_reason(Pool *pool, bool refused, const char *bytes, size_t size) {
    pool->refused = refused;
    buffer_clear(&pool->reason);
    buffer_append(&pool->reason, bytes, size); // without memory there is no reason to tell
}

static void start(Pool *pool, Worker *worker) {
    if (worker_start(worker, &pool->service, pool->keep, pool->keep_count) == 0) {
        if (watch(pool, worker) == 0) return;
        process_kill(&worker->process);
        process_reap(&worker->process);
        unwatch(pool, worker);
        worker_clear(worker);
    }
    const char *text = strerror(errno);
    note_reason(pool, false, text, strlen(text));
    note_failed_start(pool);
}

static int alive(const Pool *pool) {
    int count = 0;
    for (int i = 0; i < pool->count; i++) count += pool->workers[i].state != WORKER_ABSENT;
    return count;
}

static bool may_start(const Pool *pool) {
    return !pool->draining && pool->failed_starts < MOST_STARTS && clock_now() >= pool->next_start;
}

static void start_missing(Pool *pool) {
    for (int i = 0; i < pool->count && may_start(pool); i++)
        if (pool->workers[i].state == WORKER_ABSENT) start(pool, &pool->workers[i]);
}

static bool is_broken(const Pool *pool) {
    return pool->failed_starts >= MOST_STARTS && alive(pool) == 0;
}

// ---- handing out tasks ---------------------------------------------------

static void give_back(Pool *pool, Task *task) {
    task_queue_push_front(task->worker == -1 ? &pool->queue : &pool->workers[task->worker].own,
                          task);
}

// Watching the task pipe costs a system call, so it is done only while it is full.
static void flush(Pool *pool, Worker *worker) {
    bool was_flooded = worker->flooded;
    worker_flush(worker);
    if (worker->flooded != was_flooded)
        poller_watch(&pool->poller, worker->channel.out, worker->flooded ? POLLER_WRITE : 0,
                     tag_of(worker, TAG_TASKS));
    if (worker->state == WORKER_LEAVING) worker_dismiss(worker);
}

static bool feed(Pool *pool, Worker *worker, size_t most) {
    if (worker->state != WORKER_READY || worker->held.count >= most || worker->ended) return false;
    TaskQueue *queue = worker->own.count ? &worker->own : &pool->queue;
    Task *task = task_queue_pop(queue);
    if (!task) return false;
    if (worker_send(worker, task) == -1) {
        give_back(pool, task);
        return false;
    }
    pool->bytes_sent += task->size;
    flush(pool, worker);
    return true;
}

// Every worker gets its first task before any gets its second.
static void feed_all(Pool *pool) {
    for (size_t most = 1; most <= (size_t)pool->window; most++)
        for (int i = 0; i < pool->count; i++)
            while (feed(pool, &pool->workers[i], most)) {}
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

// The frame was the last one about the task at hand.
static void strike_off(Pool *pool, Worker *worker) {
    free(task_queue_pop(&worker->held));
    pool->done++;
    feed(pool, worker, (size_t)pool->window);
}

static void lend(Pool *pool, Worker *worker, const Frame *frame, PoolEvent *event) {
    *event = (PoolEvent){
        .kind = kind_of(frame),
        .worker = worker->index,
        .pid = worker->process.pid,
        .task = frame->header.task,
        .bytes = frame->payload,
        .size = frame->header.size,
    };
    pool->lent = worker;
    pool->lent_frame = *frame;
    pool->bytes_received += frame->header.size;
    FAULT("pool.result");
    if (event->kind != POOL_PART) strike_off(pool, worker);
}

static void welcome(Pool *pool, Worker *worker) {
    if (worker->state == WORKER_STARTING) worker->state = WORKER_READY;
    pool->begun = true;
    pool->failed_starts = 0;
    feed_all(pool);
}

// A service that refuses to begin in the very first workers will refuse in all.
static void refused(Pool *pool, const Frame *frame) {
    note_reason(pool, true, frame->payload, frame->header.size);
    if (!pool->begun) pool->failed_starts = MOST_STARTS;
}

// 1 with *event: an answer; 0: nothing complete.
static int next_answer(Pool *pool, Worker *worker, PoolEvent *event) {
    Frame frame;
    int whole;
    while ((whole = channel_peek(&worker->channel, &frame)) == 1) {
        if (frame.header.kind == FRAME_READY)
            welcome(pool, worker);
        else if (frame.header.kind == FRAME_REFUSED)
            refused(pool, &frame);
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

static void note_start_death(Pool *pool, const ProcessEnd *end) {
    static const char TEXT[] = "the workers end before they are ready";
    if (end->exitcode != SERVE_REFUSED) note_reason(pool, false, TEXT, sizeof TEXT - 1);
    note_failed_start(pool);
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

static void obituary(Pool *pool, Worker *worker, PoolEvent *event) {
    *event = (PoolEvent){.kind = POOL_DEATH,
                         .worker = worker->index,
                         .pid = worker->process.pid,
                         .item = board_get(&worker->board->item)};
    Task *running = worker_blame(worker);
    if (running) {
        event->task = running->id;
        inherit(pool, worker, event);
    }
    free(running);
    event->end = process_reap(&worker->process);
}

// 1 with *event when the owner shall know; the place is free again in any case.
static int bury(Pool *pool, Worker *worker, PoolEvent *event) {
    bool starting = worker->state == WORKER_STARTING;
    bool expected = starting || worker->state == WORKER_LEAVING;
    obituary(pool, worker, event);
    unwatch(pool, worker);
    for (Task *task; (task = task_queue_pop_last(&worker->held)) != NULL;) give_back(pool, task);
    worker_clear(worker);
    pool->deaths += !expected;
    FAULT("pool.death");
    if (starting) note_start_death(pool, &event->end);
    start_missing(pool);
    feed_all(pool);
    return !expected;
}

static void end_silence(Worker *worker) {
    if (clock_now() - worker->silent > (uint64_t)SILENCE_MS * NS_PER_MS)
        process_kill(&worker->process);
}

// A pidfd tells of the end by itself; without one only looking does.
static bool has_ended(const Worker *worker) {
    bool look = worker->silent || worker->process.pidfd == -1;
    return worker->ended || (look && process_has_ended(&worker->process));
}

// Drain before burying: what it had sent counts, whatever became of it since.
static int next_death(Pool *pool, Worker *worker, PoolEvent *event) {
    if (!has_ended(worker)) {
        if (worker->silent) end_silence(worker);
        return 0;
    }
    worker->ended = true;
    worker_fill_rest(worker);
    return next_answer(pool, worker, event) || bury(pool, worker, event);
}

static int next_event(Pool *pool, PoolEvent *event) {
    for (int i = 0; i < pool->count; i++) {
        Worker *worker = &pool->workers[(pool->turn + i) % pool->count];
        if (worker->state == WORKER_ABSENT) continue;
        if (next_answer(pool, worker, event) || next_death(pool, worker, event)) {
            pool->turn = (worker->index + 1) % pool->count;
            return 1;
        }
    }
    return 0;
}

// ---- waiting -------------------------------------------------------------

static void on_ready(Pool *pool, uint64_t tag) {
    Worker *worker = &pool->workers[tag / TAGS];
    if (worker->state == WORKER_ABSENT) return;
    switch (tag % TAGS) {
    case TAG_TASKS: flush(pool, worker); break;
    case TAG_END: worker->ended = true; break;
    default:
        worker_fill(worker);
        // A closed end is always ready: it would keep us from ever waiting.
        if (worker->silent) poller_watch(&pool->poller, worker->channel.in, 0, 0);
    }
}

static int pause_before_start(const Pool *pool) {
    uint64_t now = clock_now();
    if (pool->draining || alive(pool) == pool->count || pool->failed_starts >= MOST_STARTS)
        return -1;
    return now >= pool->next_start ? 0 : (int)((pool->next_start - now) / NS_PER_MS) + 1;
}

// Some ends are found by looking only, soon when the channel is closed already.
static int pause_before_look(const Worker *worker) {
    if (worker->state == WORKER_ABSENT) return -1;
    if (worker->ended) return 0;
    if (worker->silent) return LOOK_AGAIN_MS;
    return worker->process.pidfd == -1 ? SILENCE_MS : -1;
}

static int sooner(int a, int b) {
    return a == -1 || (b != -1 && b < a) ? b : a;
}

int pool_timeout(const Pool *pool) {
    int soonest = pause_before_start(pool);
    for (int i = 0; i < pool->count; i++)
        soonest = sooner(soonest, pause_before_look(&pool->workers[i]));
    return soonest;
}

static int poll_once(Pool *pool, int timeout_ms) {
    PollerEvent events[BATCH];
    int count = poller_wait(&pool->poller, timeout_ms, events, BATCH);
    for (int i = 0; i < count; i++) on_ready(pool, events[i].tag);
    return count;
}

static bool under_way(const Pool *pool) {
    size_t tasks = pool->queue.count;
    for (int i = 0; i < pool->count; i++)
        tasks += pool->workers[i].own.count + pool->workers[i].held.count;
    return tasks > 0;
}

static int remaining_ms(int timeout_ms, uint64_t since) {
    if (timeout_ms < 0) return -1;
    uint64_t passed = (clock_now() - since) / NS_PER_MS;
    return passed >= (uint64_t)timeout_ms ? 0 : timeout_ms - (int)passed;
}

static bool is_ours(const Pool *pool) {
    if (pool->owner == getpid()) return true;
    errno = EPERM;
    return false;
}

int pool_wait(Pool *pool, int timeout_ms, PoolEvent *event) {
    if (!is_ours(pool)) return -1;
    uint64_t since = clock_now();
    take_back_lent(pool);
    for (bool last = false;;) {
        start_missing(pool);
        if (next_event(pool, event)) return 1;
        if (is_broken(pool)) {
            errno = ECHILD;
            return -1;
        }
        if (last) return 0;
        int left = under_way(pool) ? remaining_ms(timeout_ms, since) : 0;
        last = left == 0;
        if (poll_once(pool, sooner(left, pool_timeout(pool))) == -1) return -1;
    }
}

// ---- the rest of the interface -------------------------------------------

static int copy_keep(Pool *pool, const PoolOptions *options) {
    pool->keep = sys.realloc(NULL, ((size_t)options->keep_count + 2) * sizeof *pool->keep);
    if (!pool->keep) return -1;
    if (options->keep_count)
        memcpy(pool->keep, options->keep, (size_t)options->keep_count * sizeof *pool->keep);
    pool->keep_count = options->keep_count;
    return 0;
}

static int make_places(Pool *pool, int count) {
    pool->workers = sys.realloc(NULL, (size_t)count * sizeof *pool->workers);
    if (!pool->workers) return -1;
    for (; pool->count < count; pool->count++)
        if (worker_init(&pool->workers[pool->count], pool->count) == -1) return -1;
    return 0;
}

Pool *pool_open(const PoolOptions *options) {
    Pool *pool = sys.realloc(NULL, sizeof *pool);
    if (!pool) return NULL;
    *pool = (Pool){.owner = getpid(), .window = options->window, .service = options->service};
    pool->poller.fd = -1;
    if (copy_keep(pool, options) == -1) goto fail;
    if (make_places(pool, options->workers) == -1) goto fail;
    if (poller_open(&pool->poller) == -1) goto fail;
    start_missing(pool);
    return pool;

fail:
    pool_close(pool);
    return NULL;
}

uint64_t pool_submit(Pool *pool, const void *bytes, size_t size, int worker) {
    if (!is_ours(pool)) return 0;
    Task *task = task_new(pool->last_id + 1, worker, bytes, size);
    if (!task) return 0;
    pool->last_id++;
    FAULT("pool.submit");
    task_queue_push(worker == -1 ? &pool->queue : &pool->workers[worker].own, task);
    feed_all(pool);
    return pool->last_id;
}

int pool_descriptor(const Pool *pool) {
    return pool->poller.fd;
}

int pool_workers(const Pool *pool) {
    return pool->count;
}

pid_t pool_worker_pid(const Pool *pool, int worker) {
    return pool->workers[worker].process.pid;
}

const char *pool_reason(const Pool *pool, size_t *size, bool *refused) {
    *refused = pool->refused;
    *size = buffer_size(&pool->reason);
    return buffer_bytes(&pool->reason);
}

PoolStats pool_stats(const Pool *pool) {
    PoolStats stats = {.workers = alive(pool),
                       .queued = pool->queue.count,
                       .done = pool->done,
                       .deaths = pool->deaths,
                       .bytes_sent = pool->bytes_sent,
                       .bytes_received = pool->bytes_received};
    for (int i = 0; i < pool->count; i++) {
        stats.busy += pool->workers[i].held.count > 0;
        stats.queued += pool->workers[i].own.count;
        stats.progress += board_get(&pool->workers[i].board->progress);
    }
    return stats;
}

void pool_kill(Pool *pool, int worker) {
    process_kill(&pool->workers[worker].process);
}

static void kill_all(Pool *pool) {
    for (int i = 0; i < pool->count; i++) process_kill(&pool->workers[i].process);
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
    for (int i = 0; i < pool->count; i++) worker_dismiss(&pool->workers[i]);
    for (uint64_t since = clock_now(); alive(pool) > 0; drop_answers(pool)) {
        int left = remaining_ms(grace_ms, since);
        if (left == 0) kill_all(pool);
        poll_once(pool, sooner(left ? left : LOOK_AGAIN_MS, pool_timeout(pool)));
    }
    return 0;
}

static void end_all(Pool *pool) {
    kill_all(pool);
    for (int i = 0; i < pool->count; i++)
        if (pool->workers[i].process.pid) process_reap(&pool->workers[i].process);
}

// Of a copy that fork made: the descriptors are not open here, or are others.
static void disown(Pool *pool) {
    for (int i = 0; i < pool->count; i++) {
        Channel *channel = &pool->workers[i].channel;
        channel->in = channel->out = -1;
        pool->workers[i].process = PROCESS_NONE;
    }
    pool->poller.fd = -1;
}

void pool_close(Pool *pool) {
    if (!pool) return;
    FAULT("pool.close");
    if (pool->owner == getpid())
        end_all(pool);
    else
        disown(pool);
    for (int i = 0; i < pool->count; i++) worker_free(&pool->workers[i]);
    task_queue_free(&pool->queue);
    buffer_free(&pool->reason);
    buffer_free(&pool->estate);
    poller_close(&pool->poller);
    free(pool->workers);
    free(pool->keep);
    free(pool);
}
