#include "core/sync/mutex.h"

#include <errno.h>

#include "core/os/processors.h"

// Most holders are done in less time than it takes to fall asleep.
enum { SPINS = 100 };

static bool try_for_a_while(Mutex *mutex, Party me) {
    for (int i = 0; i < SPINS; i++) {
        if (!atomic_load_explicit(&mutex->holder, memory_order_relaxed) && mutex_try(mutex, me))
            return true;
        processors_relax();
    }
    return false;
}

// Of those who find the holder dead, one replaces it: that party never comes back.
static bool take_from_dead(Mutex *mutex, Party me) {
    Party holder = atomic_load(&mutex->holder);
    return holder && holder != me && party_is_gone(holder) &&
           atomic_compare_exchange_strong(&mutex->holder, &holder, me);
}

int mutex_wait(Mutex *mutex, Party me, uint64_t deadline) {
    if (try_for_a_while(mutex, me)) return MUTEX_TAKEN;
    for (;;) {
        uint32_t heard = bell_listen(&mutex->bell);
        if (mutex_try(mutex, me)) return MUTEX_TAKEN;
        int woken = bell_wait(&mutex->bell, heard, deadline);
        // Signals may come faster than patience ends: who is interrupted looks too.
        if (woken != BELL_RUNG && take_from_dead(mutex, me)) return MUTEX_ABANDONED;
        if (woken == -1) {
            errno = EINTR;
            return -1;
        }
        if (woken == BELL_LATE) return MUTEX_LATE;
    }
}

int mutex_release(Mutex *mutex, Party me) {
    FAULT("lock.release.begin");
    if (!atomic_compare_exchange_strong(&mutex->holder, &me, PARTY_NONE)) {
        errno = EPERM;
        return -1;
    }
    FAULT("lock.release.free");
    bell_ring(&mutex->bell, 1);
    FAULT("lock.release.end");
    return 0;
}
