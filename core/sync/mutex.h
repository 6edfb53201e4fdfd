/* Mutex - what one process at a time holds, and its death gives free.
 *
 * The whole state is the party that holds it: one word, exchanged in one step. So a
 * process may be killed at any instruction: it either holds the mutex, and the
 * next one takes it from the dead, or it does not. Nobody repairs anything here;
 * what the mutex protects must be whole at every instruction too.
 *
 * It belongs to a process, not to a thread: any thread may release it, none may
 * take it twice. A child forked meanwhile does not hold it.
 *
 * All zero is a free mutex. It lies in memory that the processes share. */
#ifndef PARALLEL_LUA_SYNC_MUTEX_H
#define PARALLEL_LUA_SYNC_MUTEX_H

#include "core/os/fault.h"
#include "core/sync/bell.h"
#include "core/sync/party.h"

typedef struct {
    _Atomic Party holder;
    Bell bell;
} Mutex;

enum { MUTEX_LATE = 0, MUTEX_TAKEN = 1, MUTEX_ABANDONED = 2 };

static inline bool mutex_try(Mutex *mutex, Party me) {
    Party nobody = PARTY_NONE;
    return atomic_compare_exchange_strong(&mutex->holder, &nobody, me);
}

/* Waits for it where mutex_try failed. */
int mutex_wait(Mutex *mutex, Party me, uint64_t deadline);

/* MUTEX_TAKEN; MUTEX_ABANDONED when it was taken from a process that died; MUTEX_LATE when the
 * deadline passed; or -1 with EINTR. */
static inline int mutex_acquire(Mutex *mutex, Party me, uint64_t deadline) {
    FAULT("lock.acquire.begin");
    int result = mutex_try(mutex, me) ? MUTEX_TAKEN : mutex_wait(mutex, me, deadline);
    FAULT("lock.acquire.end");
    return result;
}

static inline bool mutex_is_held(Mutex *mutex, Party me) {
    return atomic_load(&mutex->holder) == me;
}

/* 0, or -1 with EPERM when this process does not hold it. */
int mutex_release(Mutex *mutex, Party me);

#endif
