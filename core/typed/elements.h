/* Elements - many numbers of one type, one after the other.
 *
 * Others may change them meanwhile: each is read and written whole, but all of
 * them together are not one step. */
#ifndef PARALLEL_LUA_TYPED_ELEMENTS_H
#define PARALLEL_LUA_TYPED_ELEMENTS_H

#include "core/typed/ctype.h"

typedef struct {
    const Ctype *type;
    char *first;
    size_t count;
} Elements;

/* The sum of integers, exact: high * 2^64 + low. */
typedef struct {
    int64_t high;
    uint64_t low;
} Total;

/* The sum of integers, or how many bools are true. */
Total elements_total(Elements elements);

/* The sum of floats, in double precision. Parts of a thousand or so are added in pairs: the
 * rounding errors grow with the logarithm of the count. The same elements in the same
 * order give the same sum on every run. */
double elements_sum(Elements elements);

/* Of at least one element: the least and the greatest. NaN when one of them is NaN. */
Scalar elements_least(Elements elements);
Scalar elements_greatest(Elements elements);

void elements_fill(Elements elements, Scalar value);

#endif
