/* Interner - value bytes as small numbers, so that a set of values is a set of numbers.
 *
 * While values come in they are numbered in the order in which they appear;
 * interner_rank renumbers them by their order, when all are there. */
#ifndef PARALLEL_LUA_SHUFFLE_INTERNER_H
#define PARALLEL_LUA_SHUFFLE_INTERNER_H

#include "core/shuffle/sort.h"
#include "core/shuffle/table.h"

typedef struct {
    Table table;
    const char *last; // the value asked for last, which is mostly the next one too
    uint32_t last_size, last_number;
} Interner;

/* The number of these value bytes in *number; 0, or -1 with ENOMEM. */
int interner_number(Interner *interner, const char *value, size_t size, uint32_t *number);

/* Sorts the values: (*items)[rank] is one of them, its tag the number it had.
 * The caller frees *items. 0, or -1 with ENOMEM. */
int interner_sort(const Interner *interner, SortItem **items);

void interner_clear(Interner *interner);
void interner_free(Interner *interner);

#endif
