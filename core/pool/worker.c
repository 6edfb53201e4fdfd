#include "core/pool/worker.h"

#include <errno.h>
#include <stdlib.h>

#include "core/os/clock.h"
#include "core/os/fault.h"

enum {
    SILENCE_MS = 100,  // a worker that closed its channel may still run
    LOOK_AGAIN_MS = 2, // how often, when only looking tells that it ended
};

int worker_init(Worker *worker, int index, bool for_recruits) {
    *worker = (Worker){.index = index, .process = PROCESS_NONE, .channel = CHANNEL_CLOSED};
    if (desk_open(&worker->desk, for_recruits) == -1) return -1;
    worker->board = worker->desk.board;
    worker->ledger = worker->desk.ledger;
    return 0;
}

// What the child needs; it lies on the parent's stack, and fork copies it.
typedef struct {
    const Worker *worker;
    const Service *service;
    Channel *channel;
} Birth;

static int live(void *context, int life) {
    Birth *birth = context;
    Self self = {.index = birth->worker->index,
                 .life = life,
                 .board = birth->worker->board,
                 .capture = birth->worker->desk.capture,
                 .ledger = {.page = birth->worker->ledger, .capacity = LEDGER_CAPACITY}};
    return serve(&self, birth->service, birth->channel);
}

// The pool's side of the channel, and *theirs for the process that is to come.
static int prepare(Worker *worker, Channel *theirs) {
    if (channel_pair(&worker->channel, theirs) == -1) return -1;
    if (channel_unblock(&worker->channel) == -1) {
        channel_close(theirs);
        channel_close(&worker->channel);
        return -1;
    }
    board_clear(worker->board);
    capture_clear(&worker->desk.capture);
    return 0;
}

// `started` as process_start returns it.
static int conclude(Worker *worker, Channel *theirs, int started) {
    channel_close(theirs);
    if (started == -1) {
        channel_close(&worker->channel);
        return -1;
    }
    worker->state = WORKER_STARTING;
    worker->ended = worker->flooded = worker->overdue = false;
    worker->sent = worker->revoked = 0;
    worker->kill_at = 0;
    worker->silent = 0;
    return 0;
}

static const int *listed(const Buffer *keep) {
    return (const int *)(const void *)buffer_bytes(keep);
}

static int count_of(const Buffer *keep) {
    return (int)(buffer_size(keep) / sizeof(int));
}

int worker_start(Worker *worker, const Service *service, Buffer *keep) {
    Channel theirs;
    Birth birth = {worker, service, &theirs};
    if (prepare(worker, &theirs) == -1) return -1;
    const Capture *capture = &worker->desk.capture;
    int started = buffer_append(keep, &theirs.fd, sizeof theirs.fd);
    if (started == 0) started = buffer_append(keep, capture->files, sizeof capture->files);
    FAULT("worker.fork");
    if (started == 0)
        started = process_start(&worker->process, listed(keep), count_of(keep), live, &birth);
    return conclude(worker, &theirs, started);
}

int worker_recruit(Worker *worker, const Starter *starter, const Task *letter, Buffer *keep) {
    Channel theirs;
    FrameHeader header = {
        .kind = FRAME_LETTER, .size = letter->size, .task = (uint64_t)worker->index};
    if (prepare(worker, &theirs) == -1) return -1;
    int given[RECRUIT_GIVEN] = {[RECRUIT_CHANNEL] = theirs.fd,
                                [RECRUIT_DESK] = worker->desk.fd,
                                [RECRUIT_STDOUT] = worker->desk.capture.files[0],
                                [RECRUIT_STDERR] = worker->desk.capture.files[1]};
    int started = buffer_append(keep, given, sizeof given);
    FAULT("worker.recruit");
    if (started == 0)
        started = channel_queue(&worker->channel, header, letter->bytes, letter->bundle);
    if (started == 0)
        started = starter->start(starter->context, &worker->process, listed(keep), count_of(keep));
    return conclude(worker, &theirs, started);
}

static int queue_bulk(Worker *worker, const Task *task) {
    FrameHeader header = {.kind = FRAME_BULK, .task = task->id};
    return channel_queue_long(&worker->channel, header, "", tail_of(task->bulk), NULL);
}

int worker_send(Worker *worker, Task *task) {
    FrameHeader header = {.kind = FRAME_TASK, .size = task->size, .task = task->id};
    task->claim = &worker->board->claims[worker->sent % CLAIMS_MOST];
    claim_open(task->claim, task->items);
    if (task->bulk && queue_bulk(worker, task) == -1) return -1;
    if (channel_queue(&worker->channel, header, task->bytes, task->bundle) == -1) return -1;
    worker->sent++;
    if (worker->held.count == 0) worker->since = clock_now();
    task_queue_push(&worker->held, task);
    FAULT("pool.dispatch");
    return 0;
}

size_t worker_load(const Worker *worker) {
    return worker->held.count + worker->revoked;
}

Task *worker_conclude(Worker *worker) {
    Task *task = task_queue_pop(&worker->held);
    if (worker->held.count > 0) worker->since = clock_now();
    return task;
}

uint32_t worker_revoke(Worker *worker, Task *task) {
    uint32_t left = claim_cut(task->claim, task->items, 0);
    if (left > 0) return task->items = left;
    task_queue_take(&worker->held, task->id);
    worker->revoked++;
    FAULT("pool.revoke");
    return 0;
}

// Nothing is wrong with the channel, there is only no room for more at the moment.
static bool is_for_now(int error) {
    return error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == ETOOMANYREFS;
}

void worker_flush(Worker *worker) {
    int out;
    while ((out = channel_flush(&worker->channel)) == 0) {}
    worker->flooded = out == -1 && is_for_now(errno);
    if (out == 1 || worker->flooded) return;
    if (errno != EPIPE) process_kill(&worker->process);
    channel_discard(&worker->channel);
    if (!worker->silent) worker->silent = clock_now();
}

int worker_fill(Worker *worker) {
    int filled = channel_fill(&worker->channel);
    bool starved = filled == -1 && errno == ENOMEM;
    bool open = filled == 1 || (filled == -1 && (errno == EAGAIN || starved));
    if (!open && !worker->silent) worker->silent = clock_now();
    return starved ? -1 : 0;
}

bool worker_has_ended(const Worker *worker) {
    bool look = worker->silent || worker->process.pidfd == -1;
    return worker->ended || (look && process_has_ended(&worker->process));
}

void worker_end_silence(Worker *worker) {
    if (worker->silent && clock_now() - worker->silent > (uint64_t)SILENCE_MS * NS_PER_MS)
        process_kill(&worker->process);
}

int worker_pause(const Worker *worker) {
    if (worker->state == WORKER_ABSENT) return -1;
    if (worker->ended) return 0;
    if (worker->silent) return LOOK_AGAIN_MS;
    return worker->process.pidfd == -1 ? SILENCE_MS : -1;
}

void worker_fill_rest(Worker *worker) {
    while (channel_fill(&worker->channel) == 1) {}
}

Task *worker_blame(Worker *worker) {
    BoardPhase phase = board_phase(worker->board);
    Task *running = worker->held.first;
    if (phase != BOARD_RUNNING && phase != BOARD_REPLYING) return NULL;
    if (!running || running->id != board_get(&worker->board->task)) return NULL;
    return task_queue_pop(&worker->held);
}

bool worker_retired(const Worker *worker) {
    return worker->board->retiring && board_phase(worker->board) == BOARD_LEAVING;
}

void worker_dismiss(Worker *worker) {
    if (worker->state == WORKER_ABSENT) return;
    worker->state = WORKER_LEAVING;
    if (channel_is_flushed(&worker->channel)) channel_hang_up(&worker->channel);
}

void worker_clear(Worker *worker) {
    channel_close(&worker->channel);
    process_close(&worker->process);
    worker->state = WORKER_ABSENT;
    worker->silent = 0;
}

void worker_free(Worker *worker) {
    worker_clear(worker);
    task_queue_free(&worker->own);
    task_queue_free(&worker->held);
    desk_close(&worker->desk);
}
