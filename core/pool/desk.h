/* Desk - what a worker and its pool share: memory with its board and behind that its ledger,
 * and the files of its capture. */
#ifndef PARALLEL_LUA_POOL_DESK_H
#define PARALLEL_LUA_POOL_DESK_H

#include <stdbool.h>

#include "core/pool/board.h"
#include "core/pool/capture.h"
#include "core/pool/ledger.h"

typedef struct {
    Board *board; // NULL: none
    LedgerPage *ledger;
    int fd; // for processes that inherit no memory; -1: none
    Capture capture;
} Desk;

#define DESK_NONE ((Desk){.fd = -1, .capture = CAPTURE_NONE})

/* For one worker after the other; `by_descriptor` when their processes inherit
 * nothing else. 0, or -1 with errno and *desk none. */
int desk_open(Desk *desk, bool by_descriptor);

/* In a worker: the memory of this descriptor, which is closed: with it the worker
 * could cut the memory off under the pool. 0, or -1 with errno. */
int desk_join(Desk *desk, int fd);

/* In the pool: what the worker printed and did not carry out, in place of what
 * is in the buffers. What there is no memory for is left out. */
void desk_read_printed(const Desk *desk, Buffer printed[CAPTURES]);

void desk_close(Desk *desk); // twice is harmless

#endif
