/* Poller - waits for many descriptors at once; it is one descriptor itself. */
#ifndef PARALLEL_LUA_OS_POLLER_H
#define PARALLEL_LUA_OS_POLLER_H

#include <stdint.h>

#include "core/os/linger.h"

typedef struct {
    int fd; // readable when anything watched is ready; -1: closed
    Linger linger;
} Poller;

enum { POLLER_READ = 1, POLLER_WRITE = 2 };

typedef struct {
    uint64_t tag; // as given to poller_watch
} PollerEvent;

int poller_open(Poller *poller); // 0 or -1

/* From now on watches fd for what is asked (0: no longer). An end that was
 * closed or an error always counts as ready. 0 or -1. */
int poller_watch(Poller *poller, int fd, unsigned what, uint64_t tag);

/* Waits up to timeout_ms (-1: for ever). How many of `most` events were filled
 * in, 0 when the time ran out, or -1 (EINTR when a signal came). */
int poller_wait(Poller *poller, int timeout_ms, PollerEvent *events, int most);

void poller_close(Poller *poller);

#endif
