/* Bell - what processes sleep at until there is something to look at.
 *
 * Who waits for something does, in this order:
 *
 *     heard = bell_listen(bell)
 *     look whether it is there; if not:
 *     bell_wait(bell, heard, deadline), and once more from the start
 *
 * and who makes it so rings afterwards: then it is never missed. A ring costs a
 * system call only when somebody may be listening. Whoever is woken listens
 * again before it looks, lest others who sleep be forgotten.
 *
 * A ring can be lost with the process that was about to ring, or with the one
 * that it woke. So nobody sleeps for longer than BELL_PATIENCE without looking
 * again, and that is also when it looks whether somebody has died.
 *
 * All zero is a bell. It lies in memory that the processes share. */
#ifndef PARALLEL_LUA_SYNC_BELL_H
#define PARALLEL_LUA_SYNC_BELL_H

#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>

#include "core/os/clock.h"

typedef struct {
    _Atomic uint32_t rings;
    _Atomic uint32_t listened; // since the last ring
} Bell;

enum {
    BELL_LATE = 0,  // the deadline has passed
    BELL_RUNG = 1,  // perhaps: look again
    BELL_QUIET = 2, // nothing for a while: look again, and who has died
    BELL_ALL = INT_MAX,
};

#define BELL_PATIENCE (50 * (uint64_t)NS_PER_MS)

/* Deadlines are moments of clock_now. */
#define DEADLINE_PASSED ((uint64_t)0)
#define DEADLINE_NEVER  UINT64_MAX

static inline uint32_t bell_listen(Bell *bell) {
    uint32_t heard = atomic_load(&bell->rings);
    atomic_store(&bell->listened, 1);
    return heard;
}

/* Sleeps until the bell has rung since it was listened to. BELL_LATE, BELL_RUNG
 * or BELL_QUIET, or -1 with EINTR when a signal came. */
int bell_wait(Bell *bell, uint32_t heard, uint64_t deadline);

/* The same for a word by itself, which whoever changes it wakes with word_wake. */
int word_wait(_Atomic uint32_t *word, uint32_t seen, uint64_t deadline);
void word_wake(_Atomic uint32_t *word, int count);

void bell_wake(Bell *bell, int count);

/* Wakes at most `count` of those who listen. */
static inline void bell_ring(Bell *bell, int count) {
    if (atomic_load(&bell->listened)) bell_wake(bell, count);
}

#endif
