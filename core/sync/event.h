/* Event - a flag that processes wait for.
 *
 *      31                                1   0
 *     +-----------------------------------+-----+
 *     |  how often it was cleared         | set |
 *     +-----------------------------------+-----+
 *
 * One word, all zero: not set. Who waits when it is set goes on, also when it
 * is cleared again before that process runs. */
#ifndef PARALLEL_LUA_SYNC_EVENT_H
#define PARALLEL_LUA_SYNC_EVENT_H

#include <stdbool.h>

#include "core/sync/bell.h"

typedef struct {
    _Atomic uint32_t word;
} Event;

void event_set(Event *event);
void event_clear(Event *event);
bool event_is_set(Event *event);

/* What to give event_wait, so that it can be called again after EINTR. */
uint32_t event_begin(Event *event);

/* Waits for it to be set at any time since event_begin. 1, 0 when the deadline passed, or -1 with
 * EINTR. */
int event_wait(Event *event, uint32_t begin, uint64_t deadline);

#endif
