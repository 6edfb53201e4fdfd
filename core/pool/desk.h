/* Desk - the memory that a worker and its pool share: its board, and behind that its ledger. */
#ifndef PARALLEL_LUA_POOL_DESK_H
#define PARALLEL_LUA_POOL_DESK_H

#include <stdbool.h>

#include "core/pool/board.h"
#include "core/pool/ledger.h"

typedef struct {
    Board *board; // NULL: none
    LedgerPage *ledger;
    int fd; // for processes that inherit no memory; -1: none
} Desk;

#define DESK_NONE ((Desk){.fd = -1})

/* For one worker after the other; `by_descriptor` when their processes inherit
 * nothing else. 0, or -1 with errno and *desk none. */
int desk_open(Desk *desk, bool by_descriptor);

/* In a worker: the desk of this descriptor, which is closed: with it the worker
 * could cut the memory off under the pool. 0, or -1 with errno. */
int desk_join(Desk *desk, int fd);

void desk_close(Desk *desk); // twice is harmless

#endif
