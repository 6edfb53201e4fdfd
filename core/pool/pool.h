/* Pool - a fixed number of workers, and what happens to the payloads given to them.
 *
 * The pool moves bytes; it does not know what they mean. Nothing calls
 * upwards: whoever owns the pool asks for the next event and decides.
 *
 *     pool_open       fork the workers
 *     pool_submit     hand over a payload
 *     pool_wait       the next thing that happened: a result, an error, a death
 *     pool_drain      let the workers end in good order
 *     pool_close      end whatever is left, at once
 *
 * What a death costs: the task that was running. Its death event names it, and
 * the owner decides whether to submit it again. Tasks that were handed to the
 * worker but not begun go to others, silently; results that it had sent are
 * delivered before the death is, and what it had finished of the task (see
 * core/pool/ledger.h) comes with it. A worker that died is replaced while there is
 * a pool to serve; so is one that retired, which is no event.
 *
 * No worker is idle while tasks wait for another that is busy: those are taken back from it,
 * silently. Of a task of several items that runs those which have not begun are; the owner,
 * who alone can divide it, is told and submits them anew.
 *
 * A pool belongs to the process that opened it: in a forked child its
 * functions return EPERM, and pool_close frees memory and touches nothing. */
#ifndef PARALLEL_LUA_POOL_POOL_H
#define PARALLEL_LUA_POOL_POOL_H

#include <stdbool.h>

#include "core/os/process.h"
#include "core/pool/serve.h"
#include "core/pool/starter.h"

typedef struct Pool Pool;

/* What workers that inherit nothing know of the pool. */
typedef struct {
    const char *bytes;
    size_t size;
    const int *handles; // descriptors that go with it; the pool makes copies
    size_t handle_count;
} PoolLetter;

typedef struct {
    int workers;     // at least 1
    int window;      // tasks that a worker holds at most: one running, the others in its pipe;
                     // those that were submitted for it alone are not counted
    Service service; // what the workers do
    Starter starter; // makes their processes; without one they are forked here
    const PoolLetter *letter; // to those that it makes
    /* Appends to `fds`, as int, the descriptors that a worker started now inherits;
     * asked at every start; NULL: none. 0, or -1 with errno: it is not started now. */
    int (*keep)(void *context, Buffer *fds);
    void *keep_context;
} PoolOptions;

typedef struct {
    const char *bytes;
    size_t size;
} PoolText;

typedef enum {
    POOL_PART,   // a part of the result for `task`, which goes on
    POOL_RESULT, // the handler's result for `task`
    POOL_ERROR,  // the handler failed at `task`
    POOL_DEATH,  // a worker ended unasked; `task` was running, or 0. Or the worker that `task`
                 // was for is not there, and cannot be started: pid is 0
    POOL_CUT,    // `task` ends before `item` now: the items from there on will not be begun
} PoolEventKind;

typedef struct {
    PoolEventKind kind;
    int worker; // which, from 0
    pid_t pid;
    uint64_t task;     // as pool_submit numbered it
    const char *bytes; // what the handler wrote, good until the next call on the pool; of a
    size_t size;       // death, what the ledger held: it may have come as a part already
    int *handles;      // descriptors that came with it; who takes one leaves -1 in its place;
                       // NULL with a count: this process may open no more
    size_t handle_count;
    uint64_t item; // POOL_DEATH: the part of the task that was running, from the board
    // POOL_DEATH only:
    ProcessEnd end;
    PoolText printed[CAPTURES]; // as far as it did not go out, good as long
    uint64_t reported;          // what it printed may be in the report of this number, from 0
    bool ordered;  // killed since it went on with an item that was cancelled or over its limit
    bool innocent; // it was another item than `item`
} PoolEvent;

typedef struct {
    int workers, busy; // workers alive, and those with a task
    uint64_t queued, done, deaths, bytes_sent, bytes_received, progress;
} PoolStats;

/* NULL with errno: ENOMEM, EMFILE ... `options` is copied. */
Pool *pool_open(const PoolOptions *options);

/* Workers that the starter makes from now on get this letter. 0, or -1 with errno
 * and the letter as it was. */
int pool_write_letter(Pool *pool, const PoolLetter *letter);

/* What else there is to say of a task; zero is nothing. */
typedef struct {
    int only;           // the worker that may run it, from 1
    uint32_t items;     // that it is made of: more than one means that it may be cut
    uint64_t limit;     // nanoseconds that each of its items may take
    Bulk *bulk;         // goes with it, and the task holds it
    const int *handles; // descriptors that go with it; the pool makes copies
    size_t handle_count;
} TaskTerms;

/* Hands over a copy of the payload. Returns the task's number, from 1, or 0 with
 * errno: ENOMEM, EMFILE, E2BIG for more than BUNDLE_MOST handles. */
uint64_t pool_submit(Pool *pool, const void *bytes, size_t size, TaskTerms terms);

/* The item of the task, or all of it (item 0), shall not be run to its end.
 *
 * POOL_WITHDRAWN: no worker has it any more, there will be no event of it.
 * POOL_REFUSED: a worker has just begun it, and stops at once, or ended it just now.
 * POOL_STOPPED: it is running, and stops, or is killed (the death event says
 * `ordered`); it may also end by itself meanwhile.
 * POOL_UNKNOWN: there is no such task.
 *
 * Its worker loses all items that it has not begun: those from *from on are nobody's
 * now (1: the whole task; 0: there are none). */
typedef enum { POOL_UNKNOWN, POOL_WITHDRAWN, POOL_REFUSED, POOL_STOPPED } PoolCancelled;
PoolCancelled pool_cancel(Pool *pool, uint64_t task, uint64_t item, uint64_t *from);

/* Waits up to timeout_ms (-1: for ever) for something to happen. 1 with *event
 * filled in; 0: time ran out, or nothing is under way that could happen;
 * -1: EINTR when a signal came (call again), ENOMEM (later calls try again), or
 * ECHILD when no worker can be started: pool_reason says why. */
int pool_wait(Pool *pool, int timeout_ms, PoolEvent *event);

/* The bytes of the last POOL_PART or POOL_RESULT are the caller's, in place of what is in `to`;
 * event->handles are closed. 0, or -1 with ENOMEM and nothing done. */
int pool_take(Pool *pool, Buffer *to);

/* For event loops: a descriptor that is readable when pool_wait(0) would do
 * something, and the milliseconds after which it would in any case (-1: none). */
int pool_descriptor(const Pool *pool);
int pool_timeout(const Pool *pool);

/* Why no worker could be started: what the service's begin wrote in its reply
 * (*refused is true), or a text. */
const char *pool_reason(const Pool *pool, size_t *size, bool *refused);

/* How the last of them ended, if that is why; else neither by a signal nor with a status. */
ProcessEnd pool_start_end(const Pool *pool);

PoolStats pool_stats(const Pool *pool);

/* How many workers there shall be, and the process number of one (0 when it has ended). */
int pool_workers(const Pool *pool);
pid_t pool_worker_pid(const Pool *pool, int worker);

/* The bytes that a worker's handler had in use after its last task, as it says. */
uint64_t pool_worker_memory(const Pool *pool, int worker);

/* More or fewer workers; those that are too many end when they have done the
 * tasks they hold. 0, or -1 with errno. */
int pool_resize(Pool *pool, int workers);

/* Stops all workers, with what they started, until pool_resume: that they stood still for
 * `pause` nanoseconds is not counted against what they run. */
void pool_pause(Pool *pool);
void pool_resume(Pool *pool, uint64_t pause);

/* SIGKILL to a worker (from 0): it will be found dead, and is replaced. */
void pool_kill(Pool *pool, int worker);

/* No more tasks; every worker ends after those it has, and is waited for, at
 * most grace_ms after the last event, then killed. What they still answer is dropped.
 * 0, or -1 with errno when they cannot be waited for: EPERM, or somebody closed our
 * descriptors. What is left is pool_close's to end. */
int pool_drain(Pool *pool, int grace_ms);

/* Kills and reaps what is left, and frees the pool. NULL is harmless. */
void pool_close(Pool *pool);

#endif
