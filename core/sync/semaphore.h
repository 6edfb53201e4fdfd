/* Semaphore - a number of units that any process takes and gives back.
 *
 * Units belong to nobody: those of a dead process stay taken. */
#ifndef PARALLEL_LUA_SYNC_SEMAPHORE_H
#define PARALLEL_LUA_SYNC_SEMAPHORE_H

#include "core/sync/bell.h"

enum { SEMAPHORE_MOST = INT32_MAX };

typedef struct {
    _Atomic uint32_t units;
    uint32_t most; // units that there can be
    Bell bell;
} Semaphore;

/* In zeroed memory. */
void semaphore_make(Semaphore *semaphore, uint32_t units, uint32_t most);

/* 1 when a unit was taken, 0 when the deadline passed, -1 with EINTR. */
int semaphore_acquire(Semaphore *semaphore, uint64_t deadline);

/* 0, or -1 with EOVERFLOW when all units are there already. */
int semaphore_release(Semaphore *semaphore);

/* How many units are there now. */
uint32_t semaphore_units(Semaphore *semaphore);

#endif
