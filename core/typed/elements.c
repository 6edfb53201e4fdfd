#include "core/typed/elements.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

// Elements are looked at in blocks of Scalars, which stay in the first cache: so only the
// reading knows the eleven types. Loops of constant length over LANES become vector
// instructions, which the order that C gives to sums of floats would forbid.
enum { BLOCK = 1024, LANES = 16, LEVELS = 64 };

// Takes up to a block of them off the front: where they are, as Scalars, and how many.
// Those that are Scalars in memory already are not copied.
static const Scalar *next_block(Elements *elements, Scalar *room, size_t *count) {
    const char *first = elements->first;
    size_t size = elements->type->size;
    *count = elements->count < BLOCK ? elements->count : BLOCK;
    elements->first += *count * size;
    elements->count -= *count;
    if (size == sizeof(Scalar)) return (const Scalar *)(const void *)first;
    ctype_read(elements->type, room, first, *count);
    return room;
}

// ---- sums

static void total_add(Total *total, int64_t high, uint64_t low) {
    total->high += high + __builtin_add_overflow(total->low, low, &total->low);
}

static void total_add_narrow(Total *total, const Scalar *block, size_t count) {
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += block[i].whole;
    total_add(total, sum >> 63, (uint64_t)sum);
}

// Of 64 bits each. The upper and the lower halves apart: neither overflows within a block.
static void total_add_wide(Total *total, const Scalar *block, size_t count, bool is_signed) {
    int64_t upper = 0;
    uint64_t lower = 0;
    for (size_t i = 0; i < count; i++) {
        upper += is_signed ? block[i].whole >> 32 : (int64_t)(block[i].natural >> 32);
        lower += block[i].natural & UINT32_MAX;
    }
    total_add(total, upper >> 32, (uint64_t)upper << 32);
    total_add(total, 0, lower);
}

Total elements_total(Elements elements) {
    Total total = {0, 0};
    Scalar room[BLOCK];
    size_t count;
    bool is_wide = elements.type->size == sizeof(Scalar);
    while (elements.count) {
        const Scalar *block = next_block(&elements, room, &count);
        if (is_wide)
            total_add_wide(&total, block, count, elements.type->kind == CTYPE_WHOLE);
        else
            total_add_narrow(&total, block, count);
    }
    return total;
}

static double sum_of_lanes(double *lanes) {
    for (int width = LANES / 2; width; width /= 2)
        for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
    return lanes[0];
}

static double sum_of_block(const Scalar *block, size_t count) {
    double lanes[LANES] = {0};
    size_t whole = count - count % LANES;
    for (size_t i = 0; i < whole; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++) lanes[lane] += block[i + lane].real;
    for (size_t i = whole; i < count; i++) lanes[i - whole] += block[i].real;
    return sum_of_lanes(lanes);
}

// As one counts in binary: sums[k], when bit k of `blocks` is set, is that of 2^k blocks.
static void carry(double *sums, uint64_t blocks, double sum) {
    int level = 0;
    for (; blocks >> level & 1; level++) sum = sums[level] + sum;
    sums[level] = sum;
}

double elements_sum(Elements elements) {
    double sums[LEVELS], sum = 0;
    uint64_t blocks = 0;
    Scalar room[BLOCK];
    size_t count;
    for (; elements.count; blocks++) {
        const Scalar *block = next_block(&elements, room, &count);
        carry(sums, blocks, sum_of_block(block, count));
    }
    for (int level = 0; blocks >> level; level++)
        if (blocks >> level & 1) sum = sums[level] + sum;
    return sum;
}

// ---- the least and the greatest

typedef void Keep(Scalar *kept, const Scalar *block, size_t count);

// A NaN is smaller than nothing, and nothing than it: once kept it stays.
#define KEEPER(name, field, before)                                                                \
    static void name(Scalar *kept, const Scalar *block, size_t count) {                            \
        Scalar best = *kept;                                                                       \
        for (size_t i = 0; i < count; i++)                                                         \
            if (block[i].field before best.field || block[i].field != block[i].field)              \
                best.field = block[i].field;                                                       \
        *kept = best;                                                                              \
    }

KEEPER(keep_least_whole, whole, <)
KEEPER(keep_least_natural, natural, <)
KEEPER(keep_least_real, real, <)
KEEPER(keep_greatest_whole, whole, >)
KEEPER(keep_greatest_natural, natural, >)
KEEPER(keep_greatest_real, real, >)

// By the kind of the type.
static Keep *const LEAST[] = {keep_least_whole, keep_least_natural, keep_least_real,
                              keep_least_natural};
static Keep *const GREATEST[] = {keep_greatest_whole, keep_greatest_natural, keep_greatest_real,
                                 keep_greatest_natural};

static Scalar kept(Elements elements, Keep *const *keepers) {
    Scalar best, room[BLOCK];
    size_t count;
    Keep *keep = keepers[elements.type->kind];
    ctype_read(elements.type, &best, elements.first, 1);
    while (elements.count) {
        const Scalar *block = next_block(&elements, room, &count);
        keep(&best, block, count);
    }
    return best;
}

Scalar elements_least(Elements elements) {
    return kept(elements, LEAST);
}

Scalar elements_greatest(Elements elements) {
    return kept(elements, GREATEST);
}

// ---- fill

void elements_fill(Elements elements, Scalar value) {
    Scalar values[BLOCK];
    char bytes[BLOCK * sizeof(Scalar)];
    for (int i = 0; i < BLOCK; i++) values[i] = value;
    ctype_write(elements.type, bytes, values, BLOCK);
    size_t size = elements.type->size;
    for (size_t done = 0; done < elements.count; done += BLOCK) {
        size_t left = elements.count - done;
        memcpy(elements.first + done * size, bytes, (left < BLOCK ? left : BLOCK) * size);
    }
}
