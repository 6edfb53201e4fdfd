/* Barrier - a place where processes wait until so many have come, and then all go on.
 *
 * A round goes through these phases:
 *
 *     FILLING    parties come, each with its name at a place
 *     ACTING     all are there; the last one does what is to be done before they go on
 *     LEAVING    they go on; when the last one has left, the next round begins
 *
 * A party that gives up, or dies before the round is over, breaks the barrier for all; it stays
 * broken until barrier_reset. Each step is one word written, so a process killed at any
 * instruction leaves the barrier as it was before or after that step, and its name where it
 * stood for the others to find.
 *
 *     place = barrier_arrive(...); the last: barrier_pass(...); the others: barrier_await(...)
 *     in any case: barrier_leave(...) */
#ifndef PARALLEL_LUA_SYNC_BARRIER_H
#define PARALLEL_LUA_SYNC_BARRIER_H

#include "core/sync/mutex.h"

typedef enum { BARRIER_FILLING, BARRIER_ACTING, BARRIER_LEAVING } BarrierPhase;
typedef enum { BARRIER_WHOLE, BARRIER_RESETTING, BARRIER_BROKEN } BarrierHealth;

typedef struct {
    Mutex mutex;
    Bell bell;
    _Atomic uint32_t phase;  // a BarrierPhase
    _Atomic uint32_t health; // a BarrierHealth; RESETTING until those have left who waited then
    uint64_t looked;         // when somebody looked whether anybody had died
    uint64_t began;          // when the first of this round came
    uint32_t parties;
    _Atomic Party places[]; // one for each
} Barrier;

/* How much memory a barrier takes. */
size_t barrier_size(uint32_t parties);

/* In zeroed memory. */
void barrier_make(Barrier *barrier, uint32_t parties);

/* The place (from 0) that this process has now, in the order of arrival; or -1 with errno: EPIPE
 * when the barrier is or became broken, also because the deadline passed; EINTR; ETIMEDOUT when it
 * is only `pause` that has come, and it is to be called again. */
int barrier_arrive(Barrier *barrier, Party me, uint64_t deadline, uint64_t pause);

/* By the last to arrive. 1, or 0 when the barrier broke meanwhile. */
int barrier_pass(Barrier *barrier, Party me);

/* By the others. 1 when all have come, 0 when the barrier broke, also because
 * the deadline passed or a party died; -1 with EINTR, or with ETIMEDOUT as above. */
int barrier_await(Barrier *barrier, Party me, uint64_t deadline, uint64_t pause);

/* Gives the place up. Before the round is over that breaks the barrier. */
void barrier_leave(Barrier *barrier, Party me, int place);

void barrier_break(Barrier *barrier, Party me);

/* Whole again and empty; those who wait now find it broken. */
void barrier_reset(Barrier *barrier, Party me);

/* How many wait now. */
uint32_t barrier_waiting(Barrier *barrier);

bool barrier_is_broken(Barrier *barrier);

#endif
