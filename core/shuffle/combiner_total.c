/* Sum, count and mean: states that are numbers. */
#include "core/shuffle/combiner_kinds.h"

#include <errno.h>
#include <math.h>

int combiner_read_number(const char *value, size_t size, OrderedItem *item) {
    OrderedReader reader = {value, value + size, false};
    if (ordered_next(&reader, item) == 1 && reader.at == reader.end &&
        (item->kind == ITEM_INTEGER || item->kind == ITEM_FLOAT))
        return 0;
    errno = EINVAL;
    return -1;
}

/* ---- Total: a sum of doubles that keeps what each addition rounds away ---- */

typedef struct __attribute__((packed, aligned(4))) {
    double high, low;
} Total;

static void total_add(Total *total, double number) {
    double sum = total->high + number;
    double taken = sum - total->high;
    double low = total->low + ((total->high - (sum - taken)) + (number - taken));
    total->high = sum + low;
    total->low = low - (total->high - sum);
    if (isfinite(sum)) return;
    total->high = sum; // past the largest double there is nothing left to keep
    total->low = 0;
}

static void total_add_integer(Total *total, int64_t integer) {
    double nearest = (double)integer;
    total_add(total, nearest);
    total_add(total, (double)((__int128)integer - (__int128)nearest));
}

static int read_total(const char *body, size_t size, Total *total) {
    if (size != sizeof *total) return combiner_damaged();
    memcpy(total, body, sizeof *total);
    return 0;
}

/* ---- Cell: one value, in the state itself when it is as short as a number ---- */

/* ---- sum ---- */

static int sum_add_float(Store *store, SumState *sum, double number) {
    if (!sum->floats) {
        Ref ref = arena_take(&store->arena, sizeof(Total));
        if (!ref) return -1;
        *(Total *)arena_at(&store->arena, ref) = (Total){0, 0};
        sum->floats = ref;
    }
    total_add(arena_at(&store->arena, sum->floats), number);
    return 0;
}

static int sum_add(Store *store, void *state, const char *value, size_t size) {
    OrderedItem item;
    if (combiner_read_number(value, size, &item) == -1) return -1;
    if (item.kind == ITEM_FLOAT) return sum_add_float(store, state, item.number);
    ((SumState *)state)->integers += (uint64_t)item.integer;
    return 0;
}

// A varint, and where there were floats their total behind it.
static int sum_save(Store *store, const void *state, const Piece **piece, Buffer *body) {
    const SumState *sum = state;
    (void)piece;
    if (buffer_append_varint(body, zigzag((int64_t)sum->integers)) == -1) return -1;
    if (!sum->floats) return 0;
    return buffer_append(body, arena_at(&store->arena, sum->floats), sizeof(Total));
}

static int sum_absorb(Store *store, void *state, const char *body, size_t size) {
    SumState *sum = state;
    const char *at = body, *end = body + size;
    uint64_t integers;
    Total total;
    if (!varint_read(&at, end, &integers)) return combiner_damaged();
    sum->integers += (uint64_t)unzigzag(integers);
    if (at == end) return 0;
    if (read_total(at, (size_t)(end - at), &total) == -1) return -1;
    if (sum_add_float(store, sum, total.high) == -1) return -1;
    return sum_add_float(store, sum, total.low);
}

static int sum_result(Store *store, const void *state, Buffer *value) {
    const SumState *sum = state;
    if (!sum->floats) return ordered_integer(value, (int64_t)sum->integers);
    Total total = *(const Total *)arena_at(&store->arena, sum->floats);
    if (sum->integers) total_add_integer(&total, (int64_t)sum->integers);
    return ordered_float(value, total.high + total.low);
}

/* ---- count ---- */

static int count_add(Store *store, void *state, const char *value, size_t size) {
    (void)store, (void)value, (void)size;
    ((CountState *)state)->n++;
    return 0;
}

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
    Total total;
} MeanState;

static int mean_add(Store *store, void *state, const char *value, size_t size) {
    (void)store;
    MeanState *mean = state;
    OrderedItem item;
    if (combiner_read_number(value, size, &item) == -1) return -1;
    Total total = mean->total;
    if (item.kind == ITEM_FLOAT)
        total_add(&total, item.number);
    else
        total_add_integer(&total, item.integer);
    mean->total = total;
    mean->count++;
    return 0;
}

static int mean_save(Store *store, const void *state, const Piece **piece, Buffer *body) {
    (void)store, (void)piece;
    return buffer_append(body, state, sizeof(MeanState));
}

static int mean_absorb(Store *store, void *state, const char *body, size_t size) {
    (void)store;
    MeanState *mean = state, other;
    if (size != sizeof other) return combiner_damaged();
    memcpy(&other, body, size);
    Total total = mean->total;
    total_add(&total, other.total.high);
    total_add(&total, other.total.low);
    mean->total = total;
    mean->count += other.count;
    return 0;
}

static int mean_result(Store *store, const void *state, Buffer *value) {
    (void)store;
    const MeanState *mean = state;
    if (!mean->count) return combiner_damaged();
    return ordered_float(value, (mean->total.high + mean->total.low) / (double)mean->count);
}

const Combiner COMBINE_SUM = {"sum",    sizeof(SumState), false,     sum_add,
                              sum_save, sum_absorb,       sum_result};
const Combiner COMBINE_COUNT = {"count",    sizeof(CountState), false,       count_add,
                                count_save, count_absorb,       count_result};
const Combiner COMBINE_MEAN = {"mean",    sizeof(MeanState), false,      mean_add,
                               mean_save, mean_absorb,       mean_result};
