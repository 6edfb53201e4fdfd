#include "core/pool/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/os/clock.h"
#include "core/os/descriptor.h"
#include "core/os/fault.h"
#include "core/os/mapping.h"

int worker_init(Worker *worker, int index, bool captured) {
    *worker = (Worker){.index = index,
                       .process = PROCESS_NONE,
                       .channel = CHANNEL_CLOSED,
                       .capture = CAPTURE_NONE};
    if (captured && capture_open(&worker->capture) == -1) return -1;
    worker->board = mapping_share(sizeof *worker->board);
    worker->ledger = ledger_page_share();
    if (worker->board && worker->ledger) return 0;
    worker_free(worker);
    return -1;
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
                 .capture = birth->worker->capture,
                 .ledger = {.page = birth->worker->ledger, .capacity = LEDGER_CAPACITY}};
    return serve(&self, birth->service, birth->channel);
}

int worker_start(Worker *worker, const Service *service, int *keep, int count) {
    Channel theirs;
    Birth birth = {worker, service, &theirs};
    if (channel_pair(&worker->channel, &theirs) == -1) return -1;
    if (channel_unblock(&worker->channel) == -1) goto fail;
    keep[count] = theirs.in;
    keep[count + 1] = theirs.out;
    memcpy(keep + count + 2, worker->capture.files, sizeof worker->capture.files);
    board_clear(worker->board);
    capture_clear(&worker->capture);
    FAULT("worker.fork");
    if (process_start(&worker->process, keep, count + WORKER_KEEPS, live, &birth) == -1) goto fail;
    channel_close(&theirs);
    worker->state = WORKER_STARTING;
    worker->ended = worker->flooded = worker->overdue = false;
    worker->kill_at = 0;
    worker->silent = 0;
    return 0;

fail:
    channel_close(&theirs);
    channel_close(&worker->channel);
    return -1;
}

int worker_send(Worker *worker, Task *task) {
    FrameHeader header = {.kind = FRAME_TASK, .size = task->size, .task = task->id};
    if (channel_queue(&worker->channel, header, task->bytes) == -1) return -1;
    task_queue_push(&worker->held, task);
    FAULT("pool.dispatch");
    return 0;
}

void worker_flush(Worker *worker) {
    int out;
    while ((out = channel_flush(&worker->channel)) == 0) {}
    worker->flooded = out == -1 && errno == EAGAIN;
    if (out == -1 && errno != EAGAIN) buffer_clear(&worker->channel.outgoing);
}

void worker_fill(Worker *worker) {
    int filled = channel_fill(&worker->channel);
    bool open = filled == 1 || (filled == -1 && (errno == EAGAIN || errno == ENOMEM));
    if (!open && !worker->silent) worker->silent = clock_now();
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

bool worker_retired(const Worker *worker, const ProcessEnd *end) {
    return worker->board->retiring && board_phase(worker->board) == BOARD_LEAVING &&
           end->signal == 0;
}

void worker_dismiss(Worker *worker) {
    if (worker->state == WORKER_ABSENT) return;
    worker->state = WORKER_LEAVING;
    if (buffer_size(&worker->channel.outgoing) == 0) descriptor_close(&worker->channel.out);
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
    mapping_free(worker->board, sizeof *worker->board);
    ledger_page_free(worker->ledger);
    capture_close(&worker->capture);
}
