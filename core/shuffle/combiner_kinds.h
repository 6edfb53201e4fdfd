/* Combiner kinds - what the files that define combiners share; private to them. */
#ifndef PARALLEL_LUA_SHUFFLE_COMBINER_KINDS_H
#define PARALLEL_LUA_SHUFFLE_COMBINER_KINDS_H

#include <errno.h>

#include "core/shuffle/combiner.h"
#include "core/shuffle/ordered.h"
#include "core/shuffle/sort.h"

extern const Combiner COMBINE_SUM, COMBINE_COUNT, COMBINE_MEAN;              // combiner_total.c
extern const Combiner COMBINE_MIN, COMBINE_MAX, COMBINE_FIRST, COMBINE_LAST; // combiner_choice.c
extern const Combiner COMBINE_FOLD;
extern const Combiner COMBINE_LIST, COMBINE_VALUES, COMBINE_TOP; // combiner_list.c
extern const Combiner COMBINE_SET, COMBINE_HIST;                 // combiner_set.c
extern const Combiner COMBINE_SPELLED_SET, COMBINE_SPELLED_HIST; // combiner_spelled.c

/* The number that value bytes stand for. 0, or -1 with EINVAL. */
int combiner_read_number(const char *value, size_t size, OrderedItem *item);

/* Copies what is in the chain to the store's ids, and makes room for so many items, which the
 * caller frees. NULL with ENOMEM. */
SortItem *combiner_gather(Store *store, const Chain *chain, size_t count);

static inline int combiner_damaged(void) {
    errno = EBADMSG;
    return -1;
}

#endif
