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
#include "core/pool/board.h"
#include "core/pool/capture.h"
#include "core/pool/serve.h"
#include "core/pool/task.h"

typedef enum { WORKER_ABSENT, WORKER_STARTING, WORKER_READY, WORKER_LEAVING } WorkerState;

typedef struct {
    WorkerState state;
    int index; // from 0
    Process process;
    Channel channel;    // the pool's side
    Board *board;       // this and the ledger live as long as the pool;
    LedgerPage *ledger; // each worker of this place writes them anew
    Capture capture;    // the same
    TaskQueue own;      // tasks that only this worker may run
    TaskQueue held;     // sent and not answered, in the order in which it runs them
    bool flooded;       // some of what was sent waits for room in the pipe
    bool ended;         // the kernel says so; what it had sent is still to be read
    uint64_t silent;    // since when its side of the channel is closed, or 0
    // For core/pool/deadline.h:
    uint64_t stopping_task, stopping_item; // what it was told to stop
    uint64_t kill_at;                      // unless it has by then; 0: it was told nothing
    bool overdue;                          // killed for that
} Worker;

enum { WORKER_KEEPS = 2 + CAPTURES };

/* Gets the place ready, with a capture or without. 0, or -1 with errno. */
int worker_init(Worker *worker, int index, bool captured);

/* Forks its process, which runs the service and keeps the given descriptors
 * (the list has room for WORKER_KEEPS more behind `count`). 0, or -1 with errno and
 * the place still ABSENT. */
int worker_start(Worker *worker, const Service *service, int *keep, int count);

/* Queues a task for its pipe, which it then holds. 0, or -1 with ENOMEM and the task not taken. */
int worker_send(Worker *worker, Task *task);

/* Moves what waits for room in its pipe. A pipe without a reader counts as
 * empty: its death is reported by other means. */
void worker_flush(Worker *worker);

/* Reads what has come, and notes when the other side is closed. */
void worker_fill(Worker *worker);

/* Reads all that an ended worker has left in its pipe. */
void worker_fill_rest(Worker *worker);

/* Of an ended worker: the task that it was running, taken from `held`, or NULL;
 * believed only when it is the one whose turn it was. */
Task *worker_blame(Worker *worker);

/* Of an ended worker: did it leave by itself, in good order? */
bool worker_retired(const Worker *worker, const ProcessEnd *end);

/* No more tasks for it: it leaves when it has answered those it holds. */
void worker_dismiss(Worker *worker);

/* Frees channel and process; the place is ABSENT again, its queues untouched. */
void worker_clear(Worker *worker);

/* Frees the place too. */
void worker_free(Worker *worker);

#endif
