#include "core/typed/cell.h"

#include <stdatomic.h>

Scalar cell_get(Cell *cell) {
    return (Scalar){.natural = atomic_load(cell)};
}

void cell_set(Cell *cell, Scalar value) {
    atomic_store(cell, value.natural);
}

Scalar cell_add(Cell *cell, const Ctype *type, Scalar summand) {
    Scalar old = cell_get(cell), new;
    do new = ctype_add(type, old, summand);
    while (!atomic_compare_exchange_weak(cell, &old.natural, new.natural));
    return new;
}

// 0.0 and -0.0 are equal, though not of the same bits.
static bool are_equal(const Ctype *type, Scalar a, Scalar b) {
    if (type->kind != CTYPE_REAL) return a.natural == b.natural;
    return a.real == b.real || (a.real != a.real && b.real != b.real);
}

bool cell_compare_and_set(Cell *cell, const Ctype *type, Scalar old, Scalar new) {
    Scalar held = cell_get(cell);
    while (are_equal(type, held, old))
        if (atomic_compare_exchange_weak(cell, &held.natural, new.natural)) return true;
    return false;
}
