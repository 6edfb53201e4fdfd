#include "core/sync/condition.h"

#include <errno.h>

#include "core/os/fault.h"

static int free_place(Condition *condition) {
    for (int i = 0; i < CONDITION_PLACES; i++)
        if (!atomic_load(&condition->places[i].party)) return i;
    errno = EAGAIN;
    return -1;
}

int condition_enlist(Condition *condition, Party me) {
    int place = free_place(condition);
    if (place == -1) return -1;
    ConditionPlace *mine = &condition->places[place];
    atomic_store(&mine->notified, 0);
    mine->turn = atomic_fetch_add(&condition->turn, 1);
    if (atomic_load(&condition->used) <= (uint32_t)place)
        atomic_store(&condition->used, (uint32_t)place + 1);
    FAULT("cond.wait.begin");
    atomic_store(&mine->party, me);
    FAULT("cond.wait.enlisted");
    return place;
}

// Each of these is done once, whoever else tries: the dead are also looked at without the mutex.
static bool note(ConditionPlace *place) {
    uint32_t unnotified = 0;
    return atomic_compare_exchange_strong(&place->notified, &unnotified, 1);
}

static bool bury(ConditionPlace *place, Party dead) {
    return atomic_compare_exchange_strong(&place->party, &dead, PARTY_NONE);
}

// True when the notice of one who died before it came back to the mutex is ours now.
static bool inherit_notice(Condition *condition, Party me) {
    for (uint32_t i = 0; i < atomic_load(&condition->used); i++) {
        ConditionPlace *place = &condition->places[i];
        Party party = atomic_load(&place->party);
        if (!party || party == me || !atomic_load(&place->notified)) continue;
        if (party_is_gone(party) && bury(place, party)) return true;
    }
    return false;
}

int condition_await(Condition *condition, int place, Party me, uint64_t deadline, uint64_t pause) {
    ConditionPlace *mine = &condition->places[place];
    bool pauses = pause < deadline;
    for (int woken = BELL_RUNG; !atomic_load(&mine->notified);) {
        if (woken == BELL_LATE) return 0;
        woken = word_wait(&mine->notified, 0, pauses ? pause : deadline);
        bool paused = pauses && woken == BELL_LATE, stops = paused || woken == -1;
        // Signals and pauses may come faster than patience ends: who stops waiting looks too.
        if ((stops || woken == BELL_QUIET) && inherit_notice(condition, me) && !note(mine))
            condition_notify(condition, 1); // there are two now
        if (stops) {
            errno = paused ? ETIMEDOUT : EINTR;
            return -1;
        }
    }
    FAULT("cond.wait.notified");
    return 1;
}

bool condition_leave(Condition *condition, int place) {
    ConditionPlace *mine = &condition->places[place];
    bool notified = atomic_exchange(&mine->notified, 1); // no more notices
    FAULT("cond.wait.leave");
    atomic_store(&mine->party, PARTY_NONE);
    FAULT("cond.wait.end");
    return notified;
}

// Turns are compared as distances, since they may wrap around.
static ConditionPlace *first_come(Condition *condition) {
    ConditionPlace *first = NULL;
    for (uint32_t i = 0; i < atomic_load(&condition->used); i++) {
        ConditionPlace *place = &condition->places[i];
        if (!atomic_load(&place->party) || atomic_load(&place->notified)) continue;
        if (!first || (int32_t)(place->turn - first->turn) < 0) first = place;
    }
    return first;
}

void condition_notify(Condition *condition, uint32_t count) {
    FAULT("cond.notify.begin");
    ConditionPlace *place;
    while (count > 0 && (place = first_come(condition)) != NULL) {
        Party party = atomic_load(&place->party);
        if (party_is_gone(party)) {
            bury(place, party);
        } else if (note(place)) {
            FAULT("cond.notify.noted");
            word_wake(&place->notified, 1);
            count--;
        }
    }
    FAULT("cond.notify.end");
}
