/* Sort - keys in their order, and numbers in theirs. */
#ifndef PARALLEL_LUA_SHUFFLE_SORT_H
#define PARALLEL_LUA_SHUFFLE_SORT_H

#include <stddef.h>
#include <stdint.h>

#include "core/wire/buffer.h"

typedef struct {
    uint64_t prefix; // of the key, see ordered_prefix: most comparisons need no more
    const char *key;
    uint32_t size;
    uint32_t tag; // the caller's
} SortItem;

/* Below zero, zero or above zero as a stands before, at or behind b. */
int sort_compare(const SortItem *a, const SortItem *b);

/* Sorts by key; equal keys come in no particular order. */
void sort_items(SortItem *items, size_t count);

/* Sorts the numbers and takes out those that occur again; *count is how many
 * there are, before and after. `scratch` is used for as many more. 0, or -1 with ENOMEM. */
int sort_distinct(uint32_t *numbers, size_t *count, Buffer *scratch);

#endif
