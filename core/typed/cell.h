/* Cell - one number that several processes change, each change a single step.
 *
 * It lies in shared memory as a whole Scalar, whatever its type: so one word is all that
 * is ever exchanged. All zero is a cell that holds 0. */
#ifndef PARALLEL_LUA_TYPED_CELL_H
#define PARALLEL_LUA_TYPED_CELL_H

#include <stdbool.h>

#include "core/typed/ctype.h"

typedef _Atomic uint64_t Cell;

Scalar cell_get(Cell *cell);

void cell_set(Cell *cell, Scalar value);

/* Adds to what it holds, as ctype_add does; returns what it holds then. */
Scalar cell_add(Cell *cell, const Ctype *type, Scalar summand);

/* Makes it hold `new` if it holds what equals `old`; whether it did. A NaN equals
 * every NaN here, lest it could never be replaced. */
bool cell_compare_and_set(Cell *cell, const Ctype *type, Scalar old, Scalar new);

#endif
