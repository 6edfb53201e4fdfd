#include "core/sync/barrier.h"

#include <errno.h>

#define SHORT_ROUND (NS_PER_MS / 10)

size_t barrier_size(uint32_t parties) {
    return sizeof(Barrier) + parties * sizeof(_Atomic Party);
}

void barrier_make(Barrier *barrier, uint32_t parties) {
    barrier->parties = parties;
}

// The mutex is held for moments only, so nobody waits for it in vain.
static void lock(Barrier *barrier, Party me) {
    while (mutex_acquire(&barrier->mutex, me, DEADLINE_NEVER) == -1) {}
}

static void unlock(Barrier *barrier, Party me) {
    mutex_release(&barrier->mutex, me);
}

static uint32_t present(Barrier *barrier) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < barrier->parties; i++) count += atomic_load(&barrier->places[i]) != 0;
    return count;
}

static bool is_healthy(Barrier *barrier) {
    return atomic_load(&barrier->health) == BARRIER_WHOLE;
}

bool barrier_is_broken(Barrier *barrier) {
    return atomic_load(&barrier->health) == BARRIER_BROKEN;
}

uint32_t barrier_waiting(Barrier *barrier) {
    return atomic_load(&barrier->phase) == BARRIER_FILLING ? present(barrier) : 0;
}

static void set_health(Barrier *barrier, BarrierHealth health) {
    atomic_store(&barrier->health, health);
    FAULT("barrier.broken");
    bell_ring(&barrier->bell, BELL_ALL);
}

static bool is_over(Barrier *barrier) {
    return atomic_load(&barrier->phase) == BARRIER_LEAVING;
}

// Only a round that is not over: those who have not left yet have passed it.
static void break_round(Barrier *barrier) {
    if (!is_over(barrier) && is_healthy(barrier)) set_health(barrier, BARRIER_BROKEN);
}

// With the last of a round the next one begins; with the last of a broken one a reset is done.
static void begin_if_empty(Barrier *barrier) {
    if (present(barrier) > 0) return;
    atomic_store(&barrier->phase, BARRIER_FILLING);
    if (atomic_load(&barrier->health) == BARRIER_RESETTING)
        atomic_store(&barrier->health, BARRIER_WHOLE);
    bell_ring(&barrier->bell, BELL_ALL);
}

// Of all that wait one looks at a time, or many would be busy with looking at each other.
static bool is_time_to_look(Barrier *barrier) {
    uint64_t now = clock_now();
    if (now - barrier->looked < BELL_PATIENCE / 2) return false;
    barrier->looked = now;
    return true;
}

// The dead leave. One that had come in a round that is not over breaks the barrier.
static void bury_dead(Barrier *barrier) {
    for (uint32_t i = 0; i < barrier->parties; i++) {
        Party party = atomic_load(&barrier->places[i]);
        if (!party || !party_is_gone(party)) continue;
        break_round(barrier);
        atomic_store(&barrier->places[i], PARTY_NONE);
    }
    begin_if_empty(barrier); // also where the last to leave died before it could
}

static void look_for_dead(Barrier *barrier) {
    if (is_time_to_look(barrier)) bury_dead(barrier);
}

// The last to come counts on all others being alive. In a short round nobody can have died, and
// been found dead by anybody: looking would take longer than the round.
static void check_others(Barrier *barrier) {
    if (clock_now() - barrier->began > SHORT_ROUND) bury_dead(barrier);
}

static int first_free(Barrier *barrier) {
    for (uint32_t i = 0; i < barrier->parties; i++)
        if (!atomic_load(&barrier->places[i])) return (int)i;
    return -1;
}

// A place, -1 with EPIPE when broken, or -1 with EAGAIN while the round before this is not over.
static int try_to_arrive(Barrier *barrier, Party me) {
    errno = EPIPE;
    if (barrier_is_broken(barrier)) return -1;
    errno = EAGAIN;
    if (!is_healthy(barrier) || atomic_load(&barrier->phase) != BARRIER_FILLING) return -1;
    int place = first_free(barrier);
    if (place == -1) return -1; // the last to come died before it could say so
    bool is_last = (uint32_t)place + 1 == barrier->parties;
    if (place == 0) barrier->began = clock_now();
    if (is_last) check_others(barrier);
    errno = EPIPE;
    if (barrier_is_broken(barrier)) return -1;
    FAULT("barrier.arrive.begin");
    atomic_store(&barrier->places[place], me);
    FAULT("barrier.arrive.end");
    if (is_last) atomic_store(&barrier->phase, BARRIER_ACTING);
    return place;
}

// Signals and pauses may come faster than patience ends: who does not wait on looks for the dead
// too.
static int interrupted(Barrier *barrier, Party me, int error) {
    lock(barrier, me);
    look_for_dead(barrier);
    unlock(barrier, me);
    errno = error;
    return -1;
}

// As bell_wait; a pause that ends before the deadline is the caller's affair.
static int wait_or_pause(Barrier *barrier, Party me, uint32_t heard, uint64_t deadline,
                         uint64_t pause) {
    bool pauses = pause < deadline;
    int woken = bell_wait(&barrier->bell, heard, pauses ? pause : deadline);
    if (woken == -1) return interrupted(barrier, me, EINTR);
    return woken == BELL_LATE && pauses ? interrupted(barrier, me, ETIMEDOUT) : woken;
}

int barrier_arrive(Barrier *barrier, Party me, uint64_t deadline, uint64_t pause) {
    for (int woken = BELL_RUNG;;) {
        lock(barrier, me);
        if (woken == BELL_QUIET) look_for_dead(barrier);
        uint32_t heard = bell_listen(&barrier->bell);
        int place = try_to_arrive(barrier, me);
        int error = errno;
        if (place == -1 && error == EAGAIN && woken == BELL_LATE) {
            set_health(barrier, BARRIER_BROKEN);
            error = EPIPE;
        }
        unlock(barrier, me);
        errno = error;
        if (place != -1 || error != EAGAIN) return place;
        woken = wait_or_pause(barrier, me, heard, deadline, pause);
        if (woken == -1) return -1;
    }
}

int barrier_pass(Barrier *barrier, Party me) {
    lock(barrier, me);
    FAULT("barrier.pass.begin");
    bool whole = is_healthy(barrier);
    if (whole) {
        atomic_store(&barrier->phase, BARRIER_LEAVING);
        FAULT("barrier.pass.end");
        bell_ring(&barrier->bell, BELL_ALL);
    }
    unlock(barrier, me);
    return whole;
}

int barrier_await(Barrier *barrier, Party me, uint64_t deadline, uint64_t pause) {
    for (;;) {
        uint32_t heard = bell_listen(&barrier->bell);
        if (is_over(barrier)) return 1;
        if (!is_healthy(barrier)) return 0;
        int woken = wait_or_pause(barrier, me, heard, deadline, pause);
        if (woken == -1) return -1;
        if (woken == BELL_RUNG) continue;
        lock(barrier, me);
        if (woken == BELL_QUIET) look_for_dead(barrier);
        if (woken == BELL_LATE) break_round(barrier);
        unlock(barrier, me);
    }
}

void barrier_leave(Barrier *barrier, Party me, int place) {
    lock(barrier, me);
    FAULT("barrier.leave.begin");
    break_round(barrier);
    atomic_store(&barrier->places[place], PARTY_NONE);
    FAULT("barrier.leave.end");
    begin_if_empty(barrier);
    unlock(barrier, me);
}

void barrier_break(Barrier *barrier, Party me) {
    lock(barrier, me);
    set_health(barrier, BARRIER_BROKEN);
    unlock(barrier, me);
}

void barrier_reset(Barrier *barrier, Party me) {
    lock(barrier, me);
    bool awaited = present(barrier) > 0 && !is_over(barrier);
    set_health(barrier, awaited ? BARRIER_RESETTING : BARRIER_WHOLE);
    begin_if_empty(barrier);
    unlock(barrier, me);
}
