/* Relief - what a worker holds and will not come to soon is taken back, for one that has nothing.
 *
 * A worker holds the task that it runs, perhaps of many items, and others in its channel. Mostly
 * it is through with them in no time. When it has been busy with one task for RELIEF_MS while
 * another has nothing, that gets, first, a whole task that has not begun; or else those items
 * of the running one that have not begun. core/pool/claim.h says why that is safe. */
#ifndef PARALLEL_LUA_POOL_RELIEF_H
#define PARALLEL_LUA_POOL_RELIEF_H

#include "core/pool/places.h"

enum { RELIEF_MS = 1 };

/* A task that now ends before this item (from 2): the others are nobody's. */
typedef struct {
    uint64_t task; // 0: none
    uint32_t item;
} Cut;

/* When there is something to take, as clock_now; DEADLINE_NONE: nobody waits for work, or there
 * is none to be had. */
uint64_t relief_next(const Places *places);

/* A whole task that has waited long enough, which is nobody's now; or NULL. With *cut filled in if
 * its worker began it in the meantime. */
Task *relief_take(Places *places, uint64_t now, Cut *cut);

/* Takes the items that have not begun from a task that has run for long enough. */
Cut relief_cut(Places *places, uint64_t now);

#endif
