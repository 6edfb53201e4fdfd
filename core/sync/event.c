#include "core/sync/event.h"

#include "core/os/fault.h"

enum { SET = 1, CLEARED_ONCE = 2 };

bool event_is_set(Event *event) {
    return atomic_load(&event->word) & SET;
}

void event_set(Event *event) {
    FAULT("event.set.begin");
    if (atomic_fetch_or(&event->word, SET) & SET) return;
    FAULT("event.set.end");
    word_wake(&event->word, BELL_ALL);
}

void event_clear(Event *event) {
    uint32_t word = atomic_load(&event->word);
    while (word & SET)
        if (atomic_compare_exchange_weak(&event->word, &word, word - SET + CLEARED_ONCE)) return;
}

uint32_t event_begin(Event *event) {
    return atomic_load(&event->word);
}

int event_wait(Event *event, uint32_t begin, uint64_t deadline) {
    FAULT("event.wait.begin");
    for (int woken = BELL_RUNG; !(begin & SET) && atomic_load(&event->word) == begin;) {
        if (woken == BELL_LATE) return 0;
        woken = word_wait(&event->word, begin, deadline);
        if (woken == -1) return -1;
    }
    FAULT("event.wait.end");
    return 1;
}
