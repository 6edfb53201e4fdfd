#include "core/sync/bell.h"

#include <errno.h>
#include <linux/futex.h>

#include "core/os/sys.h"

static struct timespec moment(uint64_t ns) {
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u),
                             .tv_nsec = (long)(ns % 1000000000u)};
}

int word_wait(_Atomic uint32_t *word, uint32_t seen, uint64_t deadline) {
    if (atomic_load(word) != seen) return BELL_RUNG;
    uint64_t now = clock_now();
    if (deadline <= now) return BELL_LATE;
    uint64_t patience = now + BELL_PATIENCE;
    struct timespec until = moment(deadline < patience ? deadline : patience);
    if (sys.futex((uint32_t *)word, FUTEX_WAIT_BITSET, seen, &until) == 0) return BELL_RUNG;
    if (errno == EINTR) return -1;
    if (errno != ETIMEDOUT) return BELL_RUNG;
    return deadline < patience ? BELL_LATE : BELL_QUIET;
}

void word_wake(_Atomic uint32_t *word, int count) {
    sys.futex((uint32_t *)word, FUTEX_WAKE, (uint32_t)count, NULL);
}

int bell_wait(Bell *bell, uint32_t heard, uint64_t deadline) {
    return word_wait(&bell->rings, heard, deadline);
}

void bell_wake(Bell *bell, int count) {
    atomic_store(&bell->listened, 0);
    atomic_fetch_add(&bell->rings, 1);
    word_wake(&bell->rings, count);
}
