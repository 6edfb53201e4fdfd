/* Set and hist: values as numbers of a dictionary, each distinct one once. */
#include "core/shuffle/combiner_kinds.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "core/os/sys.h"
#include "core/shuffle/sort.h"

/* ---- set ----
 *
 * A set grows as the differences between one value's number and the next, as
 * varints: values mostly come in the order in which they were numbered, a
 * document after the other, so that most differences fit one byte. */

typedef struct {
    Chain chain;
    uint32_t last;  // number of the value added last
    uint32_t count; // of numbers in the chain, some perhaps twice
    uint32_t limit; // at this count the chain is made free of what is twice
} SetState;

enum { FIRST_LIMIT = 256 };

static int append_number(Store *store, SetState *set, uint32_t number) {
    char bytes[VARINT_MAX];
    int64_t difference = (int64_t)number - (set->count ? (int64_t)set->last : 0);
    char *end = varint_write(bytes, zigzag(difference));
    if (chain_append(&set->chain, &store->arena, bytes, (size_t)(end - bytes)) == -1) return -1;
    set->last = number;
    set->count++;
    return 0;
}

// The numbers of the set in the store's ids.
static int read_numbers(Store *store, const SetState *set) {
    buffer_clear(&store->ids);
    if (buffer_reserve(&store->ids, set->count * sizeof(uint32_t)) == -1) return -1;
    uint32_t *to = (uint32_t *)(void *)buffer_tail(&store->ids), number = 0;
    const Piece *piece = NULL;
    while ((piece = chain_next(&set->chain, &store->arena, piece)) != NULL) {
        const char *at = piece->bytes, *end = at + piece->size;
        for (uint64_t difference; at < end && varint_read(&at, end, &difference);)
            *to++ = number += (uint32_t)unzigzag(difference);
    }
    buffer_added(&store->ids, set->count * sizeof(uint32_t));
    return 0;
}

static uint32_t *ids(const Store *store) {
    return (uint32_t *)(void *)buffer_bytes(&store->ids);
}

// The chain again, each number once. It takes no more room than it did: the
// pieces are there, and sorted differences are not longer.
static int drop_repeated(Store *store, SetState *set) {
    size_t count = set->count;
    if (read_numbers(store, set) == -1) return -1;
    if (sort_distinct(ids(store), &count, &store->scratch) == -1) return -1;
    set->limit = count < FIRST_LIMIT / 2 ? FIRST_LIMIT : (uint32_t)count * 2;
    if (count == set->count) return 0;
    chain_rewind(&set->chain, &store->arena);
    set->count = 0;
    for (size_t i = 0; i < count; i++)
        if (append_number(store, set, ids(store)[i]) == -1) return -1;
    return 0;
}

static int set_add(Store *store, void *state, const char *value, size_t size) {
    SetState *set = state;
    uint32_t number;
    if (interner_number(&store->values, value, size, &number) == -1) return -1;
    if (set->count && set->last == number) return 0;
    if (append_number(store, set, number) == -1) return -1;
    if (set->count < FIRST_LIMIT || set->count < set->limit) return 0;
    return drop_repeated(store, set);
}

static int set_save(Store *store, const void *state, const Piece **piece, Buffer *body) {
    const SetState *set = state;
    size_t count = set->count;
    uint32_t last = 0;
    (void)piece;
    if (read_numbers(store, set) == -1) return -1;
    uint32_t *ranks = ids(store);
    for (size_t i = 0; i < count; i++) ranks[i] = store->saved.ranks[ranks[i]];
    if (sort_distinct(ranks, &count, &store->scratch) == -1) return -1;
    if (buffer_reserve(body, count * VARINT_MAX) == -1) return -1;
    char *to = buffer_tail(body);
    for (size_t i = 0; i < count; i++) {
        to = varint_write(to, ranks[i] - last);
        last = ranks[i];
    }
    body->end = (size_t)(to - body->data);
    return 0;
}

// Only gathers the ranks; a merge has one state at a time, so they can wait in the store.
static int set_absorb(Store *store, void *state, const char *body, size_t size) {
    const char *at = body, *end = body + size;
    uint64_t rank = 0, difference;
    (void)state;
    if (buffer_reserve(&store->ids, size * sizeof(uint32_t)) == -1) return -1;
    uint32_t *to = (uint32_t *)(void *)buffer_tail(&store->ids);
    while (at < end) {
        if (!varint_read(&at, end, &difference)) return combiner_damaged();
        rank += difference;
        if (difference > UINT32_MAX || rank >= store->source.count) return combiner_damaged();
        *to++ = store->source.ranks[rank];
    }
    store->ids.end = (size_t)((char *)to - store->ids.data);
    return 0;
}

static int set_result(Store *store, const void *state, Buffer *value) {
    (void)state;
    size_t count = buffer_size(&store->ids) / sizeof(uint32_t);
    if (sort_distinct(ids(store), &count, &store->scratch) == -1) return -1;
    const size_t *offsets = (const size_t *)(const void *)buffer_bytes(&store->offsets);
    if (buffer_append_byte(value, VALUE_SEQUENCE) == -1) return -1;
    for (size_t i = 0; i < count; i++) {
        size_t start = offsets[ids(store)[i]], size = offsets[ids(store)[i] + 1] - start;
        if (buffer_append_varint(value, size) == -1) return -1;
        if (buffer_append(value, buffer_bytes(&store->dictionary) + start, size) == -1) return -1;
    }
    return 0;
}

/* ---- hist: as a set, each number with how often its value came ---- */

typedef struct __attribute__((packed, aligned(4))) {
    uint32_t number; // of the value; once saved, its rank
    uint64_t times;
} Times;

typedef struct {
    Chain chain;    // of Times
    uint32_t count; // of those, some perhaps with one number
    uint32_t limit; // at this count those are joined
} HistState;

static int compare_times(const void *a, const void *b) {
    uint32_t one = ((const Times *)a)->number, other = ((const Times *)b)->number;
    return (one > other) - (one < other);
}

// Sorts by number and joins equal ones; returns how many are left.
static size_t join_times(Times *times, size_t count) {
    size_t joined = 0;
    qsort(times, count, sizeof *times, compare_times);
    for (size_t i = 0; i < count; i++) {
        if (joined && times[joined - 1].number == times[i].number)
            times[joined - 1].times += times[i].times;
        else
            times[joined++] = times[i];
    }
    return joined;
}

static int append_times(Store *store, HistState *hist, Times times) {
    hist->count++;
    return chain_append(&hist->chain, &store->arena, &times, sizeof times);
}

static int join_hist(Store *store, HistState *hist) {
    const Piece *piece = NULL;
    buffer_clear(&store->ids);
    while ((piece = chain_next(&hist->chain, &store->arena, piece)) != NULL)
        if (buffer_append(&store->ids, piece->bytes, piece->size) == -1) return -1;
    Times *times = (Times *)(void *)buffer_bytes(&store->ids);
    size_t count = join_times(times, buffer_size(&store->ids) / sizeof *times);
    chain_rewind(&hist->chain, &store->arena);
    hist->count = 0;
    hist->limit = count < FIRST_LIMIT / 2 ? FIRST_LIMIT : (uint32_t)count * 2;
    for (size_t i = 0; i < count; i++)
        if (append_times(store, hist, times[i]) == -1) return -1;
    return 0;
}

static bool is_whole(double number) {
    return number == floor(number) && number >= -0x1p63 && number < 0x1p63;
}

// As keys of a table, 1.0 and 1 are one, and NaN is none: EDOM.
static int number_of_key(Store *store, const char *value, size_t size, uint32_t *number) {
    OrderedItem item;
    bool is_float = *value == ORDERED_NUMBER && combiner_read_number(value, size, &item) == 0 &&
                    item.kind == ITEM_FLOAT;
    if (is_float && isnan(item.number)) {
        errno = EDOM;
        return -1;
    }
    if (!is_float || !is_whole(item.number))
        return interner_number(&store->values, value, size, number);
    buffer_clear(&store->scratch);
    if (ordered_integer(&store->scratch, (int64_t)item.number) == -1) return -1;
    return interner_number(&store->values, buffer_bytes(&store->scratch),
                           buffer_size(&store->scratch), number);
}

static int hist_add(Store *store, void *state, const char *value, size_t size) {
    HistState *hist = state;
    Times times = {.times = 1};
    if (number_of_key(store, value, size, &times.number) == -1) return -1;
    if (append_times(store, hist, times) == -1) return -1;
    if (hist->count < FIRST_LIMIT || hist->count < hist->limit) return 0;
    return join_hist(store, hist);
}

static int hist_save(Store *store, const void *state, const Piece **piece, Buffer *body) {
    const Chain *chain = &((const HistState *)state)->chain;
    const Piece *here = *piece ? *piece : chain_next(chain, &store->arena, NULL);
    *piece = here ? chain_next(chain, &store->arena, here) : NULL;
    const Times *times = here ? (const Times *)(const void *)here->bytes : NULL;
    for (size_t i = 0; here && i < here->size / sizeof *times; i++) {
        if (buffer_append_varint(body, store->saved.ranks[times[i].number]) == -1) return -1;
        if (buffer_append_varint(body, times[i].times) == -1) return -1;
    }
    return 0;
}

static int hist_absorb(Store *store, void *state, const char *body, size_t size) {
    const char *at = body, *end = body + size;
    (void)state;
    while (at < end) {
        uint64_t rank, times;
        if (!varint_read(&at, end, &rank) || !varint_read(&at, end, &times) ||
            rank >= store->source.count)
            return combiner_damaged();
        Times common = {store->source.ranks[rank], times};
        if (buffer_append(&store->ids, &common, sizeof common) == -1) return -1;
    }
    return 0;
}

static int hist_result(Store *store, const void *state, Buffer *value) {
    (void)state;
    Times *times = (Times *)(void *)buffer_bytes(&store->ids);
    size_t count = join_times(times, buffer_size(&store->ids) / sizeof *times);
    const size_t *offsets = (const size_t *)(const void *)buffer_bytes(&store->offsets);
    if (buffer_append_byte(value, VALUE_HISTOGRAM) == -1) return -1;
    for (size_t i = 0; i < count; i++) {
        size_t start = offsets[times[i].number], size = offsets[times[i].number + 1] - start;
        if (buffer_append_varint(value, size) == -1) return -1;
        if (buffer_append(value, buffer_bytes(&store->dictionary) + start, size) == -1) return -1;
        if (buffer_append_varint(value, times[i].times) == -1) return -1;
    }
    return 0;
}

const Combiner COMBINE_SET = {"set",      sizeof(SetState),     true, set_add, set_save, set_absorb,
                              set_result, &COMBINE_SPELLED_SET, NULL};
const Combiner COMBINE_HIST = {"hist",    sizeof(HistState), true,        hist_add,
                               hist_save, hist_absorb,       hist_result, &COMBINE_SPELLED_HIST,
                               NULL};
