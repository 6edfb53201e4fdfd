/* Sum, count and mean: states that are numbers. */
#include "core/shuffle/combiner_kinds.h"

#include <errno.h>

#include "core/shuffle/total.h"

int combiner_read_number(const char *value, size_t size, OrderedItem *item) {
    OrderedReader reader = {value, value + size, false};
    if (ordered_next(&reader, item) == 1 && reader.at == reader.end &&
        (item->kind == ITEM_INTEGER || item->kind == ITEM_FLOAT))
        return 0;
    errno = EINVAL;
    return -1;
}

/* ---- sum ---- */

// Adding may move the arena, but never the state: that lies in a table.
static int add_float(Store *store, SumState *sum, double number) {
    Ref floats = sum->floats;
    if (total_add(&store->arena, &floats, number) == -1) return -1;
    sum->floats = floats;
    return 0;
}

// Integers are added without a call (see SumState).
static int sum_add(Store *store, void *state, const char *value, size_t size) {
    OrderedItem item;
    if (combiner_read_number(value, size, &item) == -1) return -1;
    return add_float(store, state, item.number);
}

// A varint, and where there were floats their total behind it.
static int sum_save(Store *store, const void *state, const Piece **piece, Buffer *body) {
    const SumState *sum = state;
    (void)piece;
    if (buffer_append_varint(body, zigzag((int64_t)sum->integers)) == -1) return -1;
    if (!sum->floats) return 0;
    return total_save(&store->arena, sum->floats, body);
}

static int sum_absorb(Store *store, void *state, const char *body, size_t size) {
    SumState *sum = state;
    const char *at = body, *end = body + size;
    uint64_t integers;
    if (!varint_read(&at, end, &integers)) return combiner_damaged();
    sum->integers += (uint64_t)unzigzag(integers);
    if (at == end) return 0;
    Ref floats = sum->floats;
    if (total_absorb(&store->arena, &floats, at, (size_t)(end - at)) == -1) return -1;
    sum->floats = floats;
    return 0;
}

static int sum_result(Store *store, const void *state, Buffer *value) {
    const SumState *sum = state;
    int64_t integers = (int64_t)sum->integers;
    if (!sum->floats) return ordered_integer(value, integers);
    return ordered_float(value, total_result(&store->arena, sum->floats, integers));
}

/* ---- count: as integers are, each is added without a call ---- */

static int count_save(Store *store, const void *state, const Piece **piece, Buffer *body) {
    (void)store, (void)piece;
    return buffer_append_varint(body, ((const CountState *)state)->n);
}

static int count_absorb(Store *store, void *state, const char *body, size_t size) {
    (void)store;
    const char *at = body;
    uint64_t n;
    if (!varint_read(&at, body + size, &n) || at != body + size) return combiner_damaged();
    ((CountState *)state)->n += n;
    return 0;
}

static int count_result(Store *store, const void *state, Buffer *value) {
    (void)store;
    return ordered_integer(value, (int64_t)((const CountState *)state)->n);
}

/* ---- mean ---- */

typedef struct __attribute__((packed, aligned(4))) {
    uint64_t count;
    Ref total;
} MeanState;

static int mean_add(Store *store, void *state, const char *value, size_t size) {
    MeanState *mean = state;
    OrderedItem item;
    Ref total = mean->total;
    if (combiner_read_number(value, size, &item) == -1) return -1;
    int added = item.kind == ITEM_FLOAT ? total_add(&store->arena, &total, item.number)
                                        : total_add_integer(&store->arena, &total, item.integer);
    if (added == -1) return -1;
    mean->total = total;
    mean->count++;
    return 0;
}

static int mean_save(Store *store, const void *state, const Piece **piece, Buffer *body) {
    (void)piece;
    const MeanState *mean = state;
    if (buffer_append_varint(body, mean->count) == -1) return -1;
    return total_save(&store->arena, mean->total, body);
}

static int mean_absorb(Store *store, void *state, const char *body, size_t size) {
    MeanState *mean = state;
    const char *at = body, *end = body + size;
    uint64_t count;
    if (!varint_read(&at, end, &count)) return combiner_damaged();
    Ref total = mean->total;
    if (total_absorb(&store->arena, &total, at, (size_t)(end - at)) == -1) return -1;
    mean->total = total;
    mean->count += count;
    return 0;
}

static int mean_result(Store *store, const void *state, Buffer *value) {
    const MeanState *mean = state;
    if (!mean->count || !mean->total) return combiner_damaged();
    return ordered_float(value, total_result(&store->arena, mean->total, 0) / (double)mean->count);
}

const Combiner COMBINE_SUM = {"sum",      sizeof(SumState), false, sum_add, sum_save,
                              sum_absorb, sum_result,       NULL,  NULL};
const Combiner COMBINE_COUNT = {"count",      sizeof(CountState), false, NULL, count_save,
                                count_absorb, count_result,       NULL,  NULL};
const Combiner COMBINE_MEAN = {"mean",      sizeof(MeanState), false, mean_add, mean_save,
                               mean_absorb, mean_result,       NULL,  NULL};
