/* Worker - one worker as the pool sees it: its process, its channel, what it holds.
 *
 *     ABSENT --start--> STARTING --READY frame--> READY --end of tasks--> LEAVING
 *        ^                  |                       |                       |
 *        +------------------+------- it ended ------+-----------------------+
 */
#ifndef PARALLEL_LUA_POOL_WORKER_H
#define PARALLEL_LUA_POOL_WORKER_H

#include <stdbool.h>

#include "core/os/process.h"
#include "core/pool/desk.h"
#include "core/pool/serve.h"
#include "core/pool/starter.h"
#include "core/pool/task.h"

typedef enum { WORKER_ABSENT, WORKER_STARTING, WORKER_READY, WORKER_LEAVING } WorkerState;

typedef struct {
    WorkerState state;
    int index; // from 0
    Process process;
    Channel channel; // the pool's side
    Desk desk;       // lives as long as the pool; each worker of this place writes it anew
    Board *board;    // these are on it
    LedgerPage *ledger;
    TaskQueue own;    // tasks that only this worker may run
    TaskQueue held;   // sent and not answered, in the order in which it runs them
    uint64_t since;   // when the first of them became the first
    uint32_t sent;    // tasks to its process, so far
    uint32_t revoked; // taken back, and not declined yet
    bool flooded;     // some of what was sent waits for room in the channel
    bool ended;       // the kernel says so; what it had sent is still to be read
    uint64_t silent;  // since when its side of the channel is closed, or 0
    // For core/pool/deadline.h:
    uint64_t stopping_task, stopping_item; // what it was told to stop
    uint64_t kill_at;                      // unless it has by then; 0: it was told nothing
    bool overdue;                          // killed for that
} Worker;

/* Gets the place ready, for workers that are forked here or for recruits. 0, or -1 with errno. */
int worker_init(Worker *worker, int index, bool for_recruits);

/* Forks its process, which runs the service and keeps the descriptors listed, as int,
 * in `keep`; its channel's is added there. 0, or -1 with errno and the place still ABSENT. */
int worker_start(Worker *worker, const Service *service, Buffer *keep);

/* The same for a worker that the starter makes: its process inherits the
 * descriptors and nothing else, and is sent the letter. */
int worker_recruit(Worker *worker, const Starter *starter, const Task *letter, Buffer *keep);

/* Queues a task for its channel, which it then holds. 0, or -1 with ENOMEM and the task not taken.
 */
int worker_send(Worker *worker, Task *task);

/* How many tasks there are in its channel or at its hands. */
size_t worker_load(const Worker *worker);

/* The first of its tasks has its last answer, and is not the worker's any more. */
Task *worker_conclude(Worker *worker);

/* Takes back those items of a task that it has not begun. How many stay the worker's: the task ends
 * with them; with none it is nobody's. */
uint32_t worker_revoke(Worker *worker, Task *task);

/* Moves what waits for room in its channel. One without a reader counts as
 * empty, and the worker as silent: it is dead, or soon will be. One whose channel cannot
 * be written to for another reason is of no use, and is killed. */
void worker_flush(Worker *worker);

/* Reads what has come, and notes when the other side is closed. 0, or -1 with
 * ENOMEM and what has come still there. */
int worker_fill(Worker *worker);

/* Has its process ended? A pidfd tells of the end by itself, which is noted in `ended`;
 * without one, or while it is silent, only looking does. */
bool worker_has_ended(const Worker *worker);

/* Kills one that has been silent for too long: it may still run. */
void worker_end_silence(Worker *worker);

/* The milliseconds after which worker_has_ended is to be asked again, -1: for ever. */
int worker_pause(const Worker *worker);

/* Reads all that an ended worker has sent. */
void worker_fill_rest(Worker *worker);

/* Of an ended worker: the task that it was running, taken from `held`, or NULL;
 * believed only when it is the one whose turn it was. */
Task *worker_blame(Worker *worker);

/* Of an ended worker: did it leave by itself, in good order? */
bool worker_retired(const Worker *worker);

/* No more tasks for it: it leaves when it has answered those it holds. */
void worker_dismiss(Worker *worker);

/* Frees channel and process; the place is ABSENT again, its queues untouched. */
void worker_clear(Worker *worker);

/* Frees the place too. */
void worker_free(Worker *worker);

#endif
