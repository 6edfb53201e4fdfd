/* Narrow - merges sorted regions into fewer and longer ones, until one merge can take them all.
 *
 * Each region that is merged takes a buffer, so with little memory only so many can be
 * merged at a time; then some of them are merged into one first. */
#ifndef PARALLEL_LUA_SHUFFLE_NARROW_H
#define PARALLEL_LUA_SHUFFLE_NARROW_H

#include "core/shuffle/depot.h"
#include "core/shuffle/merge.h"

/* `sources` holds Source; there are not more than `most` (at least 2) afterwards, of
 * the same records. The regions that were merged stay as they are. `memory`: of the merge,
 * as merge_add_all. 0, or -1 with errno. */
int narrow(Buffer *sources, size_t most, size_t memory, Depot *depot);

#endif
