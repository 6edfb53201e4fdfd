#include "core/pool/serve.h"

#include <errno.h>
#include <poll.h>

#include "core/os/clock.h"
#include "core/os/fault.h"
#include "core/os/process.h"

static int flush_all(Channel *channel) {
    int out;
    while ((out = channel_flush(channel)) == 0) FAULT("result.partly");
    return out == 1 ? 0 : -1;
}

// Waits for a whole frame. 1, 0 when the pool closed the channel, -1.
static int next_frame(Channel *channel, Frame *frame) {
    int whole;
    while ((whole = channel_peek(channel, frame)) == 0) {
        channel_linger(channel, POLLIN);
        int filled = channel_fill(channel);
        if (filled <= 0) return filled;
        FAULT("task.partly");
    }
    return whole;
}

static int send(Channel *channel, FrameHeader header, const char *bytes, size_t size) {
    Tail tail = {.bytes = bytes, .size = size};
    if (channel_queue_long(channel, header, "", tail, NULL) == -1) return -1;
    FAULT_FD("result.begin", channel->fd);
    if (flush_all(channel) == -1) return -1;
    FAULT("result.sent");
    return 0;
}

// A signal handler is given nothing; a process is one worker.
static struct {
    Board *board;
    const Service *service;
} here;

static void look_at_orders(int signal) {
    (void)signal;
    if (board_is_condemned(here.board)) here.service->stop(here.service->context);
}

// Without SA_RESTART: a system call in which the item waits shall end too.
static void listen_for_orders(const Self *self, const Service *service) {
    struct sigaction action = {.sa_handler = service->stop ? look_at_orders : SIG_IGN};
    here.board = self->board;
    here.service = service;
    sigaction(ORDERS_SIGNAL, &action, NULL);
}

// When it cannot leave, nobody reads any more: nobody shall start another item either.
static int send_part(Self *self, const char *bytes, size_t size, Tail tail, const int *handles,
                     size_t count) {
    FAULT("part.begin");
    Bundle *bundle;
    if (bundle_make(&bundle, handles, count) == -1) return -1;
    FrameHeader header = {.kind = FRAME_PART, .task = self->ledger.task, .size = size};
    int queued = channel_queue_long(self->to, header, bytes, tail, bundle);
    bundle_drop(bundle);
    if (queued == -1) return -1;
    if (flush_all(self->to) == -1) process_leave_with_all();
    FAULT("part.sent");
    return 0;
}

static int learn(Self *self, const Service *service, const Frame *letter, Buffer *reply) {
    FAULT("letter.read");
    self->index = (int)letter->header.task;
    self->handles = letter->handles;
    self->handle_count = letter->header.handles;
    int failed =
        service->learn(service->context, self, letter->payload, letter->header.size, reply);
    self->handle_count = 0;
    return failed;
}

// The letter comes first. One that cannot be read is no refusal: who comes instead may read it.
static int begin(Self *self, const Service *service, Channel *channel, Buffer *reply) {
    int failed = 0;
    FAULT("worker.begin");
    listen_for_orders(self, service);
    if (service->learn) {
        Frame letter;
        if (next_frame(channel, &letter) != 1) return SERVE_BROKEN;
        failed = learn(self, service, &letter, reply);
        channel_pass(channel, &letter);
    }
    if (!failed && service->begin) failed = service->begin(service->context, self, reply);
    FAULT("worker.ready");
    FrameHeader header = {.kind = failed ? FRAME_REFUSED : FRAME_READY};
    if (send(channel, header, buffer_bytes(reply), buffer_size(reply)) == -1) return SERVE_BROKEN;
    return failed ? SERVE_REFUSED : SERVE_DONE;
}

bool self_begin_item(Self *self) {
    FAULT("item.claim");
    return !self->claim || claim_next(self->claim);
}

// Not to be handled when the pool has taken it back.
static bool begin_task(Self *self) {
    FAULT("task.claim");
    self->claim = &self->board->claims[self->taken++ % CLAIMS_MOST];
    return claim_next(self->claim);
}

static int decline(Channel *channel, const Frame *frame) {
    FrameHeader header = {.kind = FRAME_VOID, .task = frame->header.task};
    return send(channel, header, "", 0);
}

// The board names the task before the handler can do anything that ends us.
static int handle(Self *self, const Service *service, Channel *channel, const Frame *frame,
                  Buffer *reply) {
    Board *board = self->board;
    FrameHeader header = {.task = frame->header.task, .attempt = frame->header.attempt};
    ledger_begin(&self->ledger, header.task);
    board_set(&board->item, 0);
    board_end_items(board);
    board_set(&board->started, clock_now());
    board_set(&board->task, header.task);
    board_enter(board, BOARD_RUNNING);
    self->handles = frame->handles;
    self->handle_count = frame->header.handles;
    FAULT("task.begin");
    int failed = service->handle(service->context, self, frame->payload, frame->header.size, reply);
    FAULT("task.done");
    board_end_items(board);
    board_enter(board, BOARD_REPLYING);
    header.kind = failed ? FRAME_ERROR : FRAME_RESULT;
    bool in_ledger = !failed && self->ledger.size > 0;
    const char *bytes = in_ledger ? self->ledger.page->bytes : buffer_bytes(reply);
    size_t size = in_ledger ? self->ledger.size : buffer_size(reply);
    if (send(channel, header, bytes, size) == -1) return -1; // still this task's: it has no answer
    board_enter(board, BOARD_WAITING);
    return 0;
}

// The next task, with what belongs to it. As next_frame.
static int next_task(Self *self, Channel *channel, Frame *frame) {
    uint64_t owner = 0;
    int got;
    while ((got = next_frame(channel, frame)) == 1 && frame->header.kind == FRAME_BULK) {
        owner = frame->header.task;
        if (channel_take(channel, frame, &self->bulk) == -1) return -1;
        FAULT("bulk.taken");
    }
    if (got == 1 && owner != frame->header.task) buffer_free(&self->bulk); // of one that never came
    return got;
}

int serve(Self *self, const Service *service, Channel *channel) {
    Buffer reply = {0};
    self->part = send_part;
    self->to = channel;
    Frame frame;
    int status = begin(self, service, channel, &reply), got = 0;
    board_enter(self->board, BOARD_WAITING);
    while (status == SERVE_DONE && !self->board->retiring &&
           (got = next_task(self, channel, &frame)) == 1) {
        FAULT("task.read");
        buffer_clear(&reply);
        int answered = begin_task(self) ? handle(self, service, channel, &frame, &reply)
                                        : decline(channel, &frame);
        if (answered == -1) status = SERVE_BROKEN;
        channel_pass(channel, &frame);
        buffer_free(&self->bulk);
    }
    if (got == -1) status = SERVE_BROKEN;
    if (status == SERVE_DONE && service->end) service->end(service->context, self);
    if (status == SERVE_DONE) board_enter(self->board, BOARD_LEAVING);
    FAULT("worker.leave");
    buffer_free(&reply);
    buffer_free(&self->aside);
    buffer_free(&self->bulk);
    // A channel that closes may mean that the pool is gone, and nobody else ends what we started.
    if (status != SERVE_REFUSED) process_leave_with_all();
    return status;
}
