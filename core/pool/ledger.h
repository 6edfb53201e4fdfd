/* Ledger - what a worker has finished of the task at hand, in memory that outlives it.
 *
 *     +------+--------+--------+------------------------+- - - - - - -
 *     | turn | mark 0 | mark 1 | bytes that are whole   | being written
 *     +------+--------+--------+------------------------+- - - - - - -
 *
 * The worker writes an entry behind those that are there and then commits it:
 * it fills in the mark that does not count, and as the last thing changes the
 * turn. So wherever it dies, the mark whose turn it is tells of whole entries
 * only. A mark holds a sum over the bytes as well, so that what a dying worker
 * has scribbled over them is not taken for what it had written.
 *
 * The page is shared; the Ledger is each side's own, and only the worker's has
 * a meaning beyond `page`. What the entries are is not known here. */
#ifndef PARALLEL_LUA_POOL_LEDGER_H
#define PARALLEL_LUA_POOL_LEDGER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t size; // bytes that are whole
    uint64_t sum;  // of the task's number and those bytes
} LedgerMark;

typedef struct {
    _Atomic uint32_t turn; // the mark that counts
    LedgerMark marks[2];
    char bytes[];
} LedgerPage;

typedef struct {
    LedgerPage *page;
    size_t capacity; // of page->bytes
    size_t size;     // what is committed, kept here where a stray write to the page does no harm
    uint64_t sum, task;
    uint32_t turn;
} Ledger;

enum { LEDGER_CAPACITY = 1 << 20 }; // of the pages that workers have

/* Makes it empty, for the entries of this task. */
void ledger_begin(Ledger *ledger, uint64_t task);

/* `size` bytes written to ledger_tail are an entry. */
void ledger_commit(Ledger *ledger, size_t size);

/* What is committed of this task, by whoever wrote the page: its size, and 0
 * when that is nothing, of another task, or damaged. */
size_t ledger_read(const LedgerPage *page, size_t capacity, uint64_t task);

static inline size_t ledger_room(const Ledger *ledger) {
    return ledger->capacity - ledger->size;
}

static inline char *ledger_tail(const Ledger *ledger) {
    return ledger->page->bytes + ledger->size;
}

#endif
