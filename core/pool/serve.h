/* Serve - the life of a worker, in the worker's process.
 *
 *     begin -> READY -> (wait for a task -> handle -> reply) ... -> leave
 *
 * The pool hanging up is the order to leave. A worker leaves unasked too, when
 * its handler has set the board's `retiring`; the pool replaces it. A task that the pool has
 * taken back meanwhile (core/pool/claim.h) is answered without being handled. */
#ifndef PARALLEL_LUA_POOL_SERVE_H
#define PARALLEL_LUA_POOL_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/pool/board.h"
#include "core/pool/capture.h"
#include "core/pool/ledger.h"
#include "core/wire/channel.h"

/* Kinds of frames between pool and worker. */
typedef enum {
    FRAME_TASK = 1, // down: a payload to handle
    FRAME_READY,    // up: the worker has begun
    FRAME_REFUSED,  // up: beginning failed; payload says why; the worker leaves
    FRAME_PART,     // up: the first part of that, and the next; the task goes on
    FRAME_RESULT,   // up: what the handler made of the task
    FRAME_ERROR,    // up: the handler failed; payload says how
    FRAME_VOID,     // up: the task had been taken back before it began
    FRAME_BULK,     // down: bytes that go with the task of this number, which comes next
    FRAME_LETTER,   // down, before all others, to a worker that inherited nothing: payload is
                    // the pool's letter, task the worker's index
} FrameKind;

typedef struct Self Self;

/* The worker as its handlers see it. What a handler commits to the ledger is
 * not lost when it dies: then the pool's owner gets it with the death. */
struct Self {
    int index; // which worker of the pool, from 0
    int life;  // for process_leave
    Board *board;
    uint32_t taken; // tasks that it was sent so far
    Claim
        *claim; // of the task at hand, whose first item is begun; NULL: nobody else wants its items
    Ledger ledger;
    Capture capture;     // for its stdout and stderr, should it redirect them; or none
    bool reports_times;  // when an item began goes with its outcome
    bool reports_output; // what an item printed there goes with its outcome
    Buffer aside;        // the handler's own, for what must be complete before it is an entry
    int *handles;        // descriptors that came with the task at hand; who takes one leaves -1 in
    size_t handle_count; // its place; NULL with a count: this process may open no more
    Buffer bulk;         // came with the task at hand; who takes it over leaves it empty
    /* Sends `size` bytes, those of the tail behind them, and copies of `count` descriptors, as a
     * part of the task's result, ahead of its end. 0, or -1 with errno (ENOMEM, EMFILE) and
     * nothing sent; when they cannot leave the worker does. */
    int (*part)(Self *self, const char *bytes, size_t size, Tail tail, const int *handles,
                size_t count);
    void *to;  // where part sends it
    void *own; // the handler's own
};

/* What workers do: the pool's owner supplies it, and it runs in the worker. */
typedef struct {
    /* In a worker that inherited nothing, before `begin`: reads the pool's letter;
     * NULL in others. 0, or -1 with the reason in *reply. */
    int (*learn)(void *context, Self *self, const char *letter, size_t size, Buffer *reply);
    /* Before the first task; NULL for none. 0, or -1 with the reason in *reply. */
    int (*begin)(void *context, Self *self, Buffer *reply);
    /* Handles one payload: 0 with the result in the ledger or, when that is
     * empty, in *reply; or -1 with an account of the error in *reply. These bytes
     * go to the pool's owner unread. A task of several items: each after the first is
     * to be begun with self_begin_item, and none after it was refused. */
    int (*handle)(void *context, Self *self, const char *payload, size_t size, Buffer *reply);
    /* Before it leaves in good order; NULL for none. */
    void (*end)(void *context, Self *self);
    /* The item that is running shall stop: called in a signal handler. NULL: it is
     * killed, after a moment. An item that board_is_condemned is not to be begun. */
    void (*stop)(void *context);
    void *context;
} Service;

/* In a handler: may the next item of the task be begun? */
bool self_begin_item(Self *self);

enum { SERVE_DONE = 0, SERVE_BROKEN = 70, SERVE_REFUSED = 72 }; // exit statuses of a worker

/* Runs until the channel closes, and then ends the process and what it has started.
 * Returns only when it refused to begin: the exit status. */
int serve(Self *self, const Service *service, Channel *channel);

#endif
