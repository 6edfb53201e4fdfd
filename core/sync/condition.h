/* Condition - processes that wait for a notice, in the order in which they came.
 *
 * A mutex of the caller's protects it: all calls but condition_await are made while
 * holding it. To wait:
 *
 *     place = condition_enlist(condition, me), release the mutex
 *     condition_await(condition, place, me, deadline)
 *     acquire the mutex, and condition_leave(condition, place) says what came of it
 *
 * Each that waits has a place with its name on it, which it takes and leaves in one step. So
 * notices are not given to the dead; and one whose receiver died before it held the mutex
 * again goes to another that waits. */
#ifndef PARALLEL_LUA_SYNC_CONDITION_H
#define PARALLEL_LUA_SYNC_CONDITION_H

#include <stdbool.h>

#include "core/sync/bell.h"
#include "core/sync/party.h"

typedef struct {
    _Atomic Party party;       // PARTY_NONE: free
    _Atomic uint32_t notified; // its party sleeps at this word
    uint32_t turn;             // who came first has the lowest
} ConditionPlace;

enum { CONDITION_PLACES = 4094 };

typedef struct {
    _Atomic uint32_t turn;
    _Atomic uint32_t used; // no place from this one on was ever taken
    ConditionPlace places[CONDITION_PLACES];
} Condition; // all zero: nobody waits

/* A place, or -1 with EAGAIN when all are taken. */
int condition_enlist(Condition *condition, Party me);

/* 1 when notified, 0 when the deadline passed, or -1 with errno: EINTR, or ETIMEDOUT when it is
 * only `pause` that has come, and it is to be called again. */
int condition_await(Condition *condition, int place, Party me, uint64_t deadline, uint64_t pause);

/* Gives the place up; whether a notice had come. */
bool condition_leave(Condition *condition, int place);

/* Notifies as many of the living as there are, at most `count`, the first come first. */
void condition_notify(Condition *condition, uint32_t count);

#endif
