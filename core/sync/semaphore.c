#include "core/sync/semaphore.h"

#include <errno.h>
#include <stdbool.h>

#include "core/os/fault.h"

void semaphore_make(Semaphore *semaphore, uint32_t units, uint32_t most) {
    atomic_store(&semaphore->units, units);
    semaphore->most = most;
}

uint32_t semaphore_units(Semaphore *semaphore) {
    return atomic_load(&semaphore->units);
}

static bool take(Semaphore *semaphore) {
    uint32_t units = atomic_load(&semaphore->units);
    while (units > 0)
        if (atomic_compare_exchange_weak(&semaphore->units, &units, units - 1)) return true;
    return false;
}

int semaphore_acquire(Semaphore *semaphore, uint64_t deadline) {
    FAULT("semaphore.acquire.begin");
    bool taken = take(semaphore);
    for (int woken = BELL_RUNG; !taken && woken != BELL_LATE;) {
        uint32_t heard = bell_listen(&semaphore->bell);
        if ((taken = take(semaphore))) break;
        woken = bell_wait(&semaphore->bell, heard, deadline);
        if (woken == -1) return -1;
    }
    FAULT("semaphore.acquire.end");
    return taken;
}

int semaphore_release(Semaphore *semaphore) {
    FAULT("semaphore.release.begin");
    uint32_t units = atomic_load(&semaphore->units);
    do {
        if (units >= semaphore->most) {
            errno = EOVERFLOW;
            return -1;
        }
    } while (!atomic_compare_exchange_weak(&semaphore->units, &units, units + 1));
    FAULT("semaphore.release.free");
    bell_ring(&semaphore->bell, 1);
    return 0;
}
