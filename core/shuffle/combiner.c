#include "core/shuffle/combiner.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "core/os/sys.h"
#include "core/shuffle/ordered.h"
#include "core/shuffle/sort.h"

static int damaged(void) {
    errno = EBADMSG;
    return -1;
}

void store_clear(Store *store) {
    arena_clear(&store->arena);
    interner_clear(&store->values);
    buffer_clear(&store->ids);
}

void store_free(Store *store) {
    arena_free(&store->arena);
    interner_free(&store->values);
    buffer_free(&store->scratch);
    buffer_free(&store->ids);
    buffer_free(&store->dictionary);
    buffer_free(&store->offsets);
}

size_t store_memory(const Store *store) {
    return store->arena.used + table_memory(&store->values.table);
}

int store_define(Store *store, const char *value, size_t size) {
    size_t start = buffer_size(&store->dictionary), end = start + size;
    if (!start && buffer_append(&store->offsets, &start, sizeof start) == -1) return -1;
    if (buffer_append(&store->dictionary, value, size) == -1) return -1;
    return buffer_append(&store->offsets, &end, sizeof end);
}

// The number that value bytes stand for, or EINVAL.
static int read_number(const char *value, size_t size, OrderedItem *item) {
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
    if (size != sizeof *total) return damaged();
    memcpy(total, body, sizeof *total);
    return 0;
}

/* ---- Cell: one value, in the state itself when it is as short as a number ---- */

enum { CELL_ROOM = 12 };

typedef struct {
    uint32_t size; // 0: no value
    union {
        char bytes[CELL_ROOM];
        struct {
            Ref ref;
            uint32_t capacity;
        } far; // when size is above CELL_ROOM
    };
} Cell;

static const char *cell_bytes(const Cell *cell, const Store *store) {
    return cell->size <= CELL_ROOM ? cell->bytes : arena_at(&store->arena, cell->far.ref);
}

static int cell_make_room(Cell *cell, Store *store, size_t size) {
    if (cell->size > CELL_ROOM && cell->far.capacity >= size) return 0;
    size_t capacity = size + size / 2; // so that ever longer values do not pile up
    if (capacity > UINT32_MAX) {
        errno = ENOMEM;
        return -1;
    }
    Ref ref = arena_take(&store->arena, capacity);
    if (!ref) return -1;
    cell->far.ref = ref;
    cell->far.capacity = (uint32_t)capacity;
    return 0;
}

static int cell_set(Cell *cell, Store *store, const char *bytes, size_t size) {
    if (size > CELL_ROOM && cell_make_room(cell, store, size) == -1) return -1;
    memcpy(size > CELL_ROOM ? arena_at(&store->arena, cell->far.ref) : cell->bytes, bytes, size);
    cell->size = (uint32_t)size;
    return 0;
}

static int cell_append(const Cell *cell, const Store *store, Buffer *to) {
    return buffer_append(to, cell_bytes(cell, store), cell->size);
}

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
    if (read_number(value, size, &item) == -1) return -1;
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
    if (!varint_read(&at, end, &integers)) return damaged();
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
    if (!varint_read(&at, body + size, &n) || at != body + size) return damaged();
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
    if (read_number(value, size, &item) == -1) return -1;
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
    if (size != sizeof other) return damaged();
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
    if (!mean->count) return damaged();
    return ordered_float(value, (mean->total.high + mean->total.low) / (double)mean->count);
}

/* ---- min and max ---- */

static int keep_if(Store *store, Cell *cell, const char *value, size_t size, int order) {
    if (!size) return damaged();
    if (cell->size &&
        ordered_compare(value, size, cell_bytes(cell, store), cell->size) * order <= 0)
        return 0;
    return cell_set(cell, store, value, size);
}

static int min_add(Store *store, void *state, const char *value, size_t size) {
    return keep_if(store, state, value, size, -1);
}

static int max_add(Store *store, void *state, const char *value, size_t size) {
    return keep_if(store, state, value, size, 1);
}

static int cell_save(Store *store, const void *state, const Piece **piece, Buffer *body) {
    (void)piece;
    return cell_append(state, store, body);
}

static int cell_result(Store *store, const void *state, Buffer *value) {
    const Cell *cell = state;
    return cell->size ? cell_append(cell, store, value) : damaged();
}

/* ---- first and last ---- */

typedef struct __attribute__((packed, aligned(4))) {
    int64_t split;
    uint64_t sequence;
    Cell cell;
} PlacedState;

static bool stands_before(int64_t split, uint64_t sequence, const PlacedState *placed) {
    return split != placed->split ? split < placed->split : sequence < placed->sequence;
}

static int place(Store *store, PlacedState *placed, int64_t split, uint64_t sequence,
                 const char *value, size_t size) {
    if (cell_set(&placed->cell, store, value, size) == -1) return -1;
    placed->split = split;
    placed->sequence = sequence;
    return 0;
}

static int first_add(Store *store, void *state, const char *value, size_t size) {
    PlacedState *placed = state;
    if (placed->cell.size && !stands_before(store->split, store->sequence, placed)) return 0;
    return place(store, placed, store->split, store->sequence, value, size);
}

static int last_add(Store *store, void *state, const char *value, size_t size) {
    PlacedState *placed = state;
    if (placed->cell.size && stands_before(store->split, store->sequence, placed)) return 0;
    return place(store, placed, store->split, store->sequence, value, size);
}

static int placed_save(Store *store, const void *state, const Piece **piece, Buffer *body) {
    const PlacedState *placed = state;
    (void)piece;
    if (buffer_append_varint(body, zigzag(placed->split)) == -1) return -1;
    if (buffer_append_varint(body, placed->sequence) == -1) return -1;
    return cell_append(&placed->cell, store, body);
}

static int absorb_placed(Store *store, void *state, const char *body, size_t size,
                         int (*add)(Store *, void *, const char *, size_t)) {
    const char *at = body, *end = body + size;
    uint64_t split, sequence;
    if (!varint_read(&at, end, &split) || !varint_read(&at, end, &sequence) || at == end)
        return damaged();
    store->split = unzigzag(split);
    store->sequence = sequence;
    return add(store, state, at, (size_t)(end - at));
}

static int first_absorb(Store *store, void *state, const char *body, size_t size) {
    return absorb_placed(store, state, body, size, first_add);
}

static int last_absorb(Store *store, void *state, const char *body, size_t size) {
    return absorb_placed(store, state, body, size, last_add);
}

static int placed_result(Store *store, const void *state, Buffer *value) {
    const Cell *cell = &((const PlacedState *)state)->cell;
    return cell->size ? cell_append(cell, store, value) : damaged();
}

/* ---- list and values: elements of a sequence, in a chain ---- */

static int list_add(Store *store, void *state, const char *value, size_t size) {
    buffer_clear(&store->scratch);
    if (buffer_append_varint(&store->scratch, size) == -1) return -1;
    if (buffer_append(&store->scratch, value, size) == -1) return -1;
    return chain_append(state, &store->arena, buffer_bytes(&store->scratch),
                        buffer_size(&store->scratch));
}

static int list_save(Store *store, const void *state, const Piece **piece, Buffer *body) {
    const Piece *here = *piece ? *piece : chain_next(state, &store->arena, NULL);
    *piece = here ? chain_next(state, &store->arena, here) : NULL;
    return here ? buffer_append(body, here->bytes, here->size) : 0;
}

static int list_absorb(Store *store, void *state, const char *body, size_t size) {
    return size ? chain_append(state, &store->arena, body, size) : 0;
}

static int list_result(Store *store, const void *state, Buffer *value) {
    if (buffer_append_byte(value, VALUE_SEQUENCE) == -1) return -1;
    const Piece *piece = NULL;
    while ((piece = chain_next(state, &store->arena, piece)) != NULL)
        if (buffer_append(value, piece->bytes, piece->size) == -1) return -1;
    return 0;
}

/* ---- fold: the one value that a function made, saved as "values" would be ---- */

typedef struct {
    uint32_t size, capacity;
    Ref bytes;
} FoldState;

// Replaces the value: folding it with the one before was up to the caller.
static int fold_add(Store *store, void *state, const char *value, size_t size) {
    FoldState *fold = state;
    if (fold->capacity < size) {
        size_t capacity = size + size / 2; // so that ever longer values do not pile up
        Ref bytes = capacity > UINT32_MAX ? 0 : arena_take(&store->arena, capacity);
        if (!bytes) {
            errno = ENOMEM;
            return -1;
        }
        fold->bytes = bytes;
        fold->capacity = (uint32_t)capacity;
    }
    memcpy(arena_at(&store->arena, fold->bytes), value, size);
    fold->size = (uint32_t)size;
    return 0;
}

static int fold_result(Store *store, const void *state, Buffer *value) {
    const FoldState *fold = state;
    return buffer_append(value, arena_at(&store->arena, fold->bytes), fold->size);
}

static int fold_save(Store *store, const void *state, const Piece **piece, Buffer *body) {
    (void)piece;
    if (buffer_append_varint(body, ((const FoldState *)state)->size) == -1) return -1;
    return fold_result(store, state, body);
}

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
        if (!varint_read(&at, end, &difference)) return damaged();
        rank += difference;
        if (difference > UINT32_MAX || rank >= store->source.count) return damaged();
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

// As keys of a table, 1.0 and 1 are one.
static int number_of_key(Store *store, const char *value, size_t size, uint32_t *number) {
    OrderedItem item;
    if (*value != ORDERED_NUMBER || read_number(value, size, &item) == -1 ||
        item.kind != ITEM_FLOAT || item.number != floor(item.number) || item.number < -0x1p63 ||
        item.number >= 0x1p63)
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
            return damaged();
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

/* ---- top: the greatest values, as many as the store says ---- */

typedef struct {
    Chain chain;    // elements of a sequence
    uint32_t count; // of those: never more than twice as many as are wanted, and a few
} TopState;

// The values in their order, copied to the store's ids. The caller frees *items.
static int sort_values(Store *store, const TopState *top, SortItem **items, size_t *count) {
    const Piece *piece = NULL;
    buffer_clear(&store->ids);
    while ((piece = chain_next(&top->chain, &store->arena, piece)) != NULL)
        if (buffer_append(&store->ids, piece->bytes, piece->size) == -1) return -1;
    *items = sys.realloc(NULL, (top->count + 1) * sizeof **items);
    if (!*items) return -1;
    const char *at = buffer_bytes(&store->ids), *end = at + buffer_size(&store->ids), *value;
    size_t size;
    for (*count = 0; *count < top->count && sequence_next(&at, end, &value, &size) == 1; ++*count)
        (*items)[*count] = (SortItem){ordered_prefix(value, size), value, (uint32_t)size, 0};
    sort_items(*items, *count);
    return 0;
}

static int keep_greatest(Store *store, TopState *top) {
    SortItem *items;
    size_t count;
    if (sort_values(store, top, &items, &count) == -1) return -1;
    chain_rewind(&top->chain, &store->arena);
    top->count = 0;
    int result = 0;
    for (size_t i = count; result == 0 && i-- > count - store->most; top->count++)
        result = list_add(store, &top->chain, items[i].key, items[i].size);
    free(items);
    return result;
}

static int top_add(Store *store, void *state, const char *value, size_t size) {
    TopState *top = state;
    if (list_add(store, &top->chain, value, size) == -1) return -1;
    top->count++;
    return top->count >= 2 * store->most + FIRST_LIMIT ? keep_greatest(store, top) : 0;
}

static int top_absorb(Store *store, void *state, const char *body, size_t size) {
    const char *at = body, *end = body + size, *value;
    size_t value_size;
    int found;
    while ((found = sequence_next(&at, end, &value, &value_size)) == 1)
        if (top_add(store, state, value, value_size) == -1) return -1;
    return found;
}

static int top_result(Store *store, const void *state, Buffer *value) {
    SortItem *items;
    size_t count;
    if (sort_values(store, state, &items, &count) == -1) return -1;
    size_t last = count > store->most ? count - store->most : 0;
    int result = buffer_append_byte(value, VALUE_SEQUENCE);
    for (size_t i = count; result == 0 && i-- > last;) {
        result = buffer_append_varint(value, items[i].size);
        if (result == 0) result = buffer_append(value, items[i].key, items[i].size);
    }
    free(items);
    return result;
}

const Combiner COMBINERS[] = {
    {"sum", sizeof(SumState), false, sum_add, sum_save, sum_absorb, sum_result},
    {"count", sizeof(CountState), false, count_add, count_save, count_absorb, count_result},
    {"min", sizeof(Cell), false, min_add, cell_save, min_add, cell_result},
    {"max", sizeof(Cell), false, max_add, cell_save, max_add, cell_result},
    {"mean", sizeof(MeanState), false, mean_add, mean_save, mean_absorb, mean_result},
    {"first", sizeof(PlacedState), false, first_add, placed_save, first_absorb, placed_result},
    {"last", sizeof(PlacedState), false, last_add, placed_save, last_absorb, placed_result},
    {"list", sizeof(Chain), false, list_add, list_save, list_absorb, list_result},
    {"values", sizeof(Chain), false, list_add, list_save, list_absorb, list_result},
    {"fold", sizeof(FoldState), false, fold_add, fold_save, fold_add, fold_result},
    {"set", sizeof(SetState), true, set_add, set_save, set_absorb, set_result},
    {"hist", sizeof(HistState), true, hist_add, hist_save, hist_absorb, hist_result},
    {"top:N", sizeof(TopState), false, top_add, list_save, top_absorb, top_result},
    {.name = NULL},
};

// N of "top:N", or 0.
static uint32_t most_of(const char *name) {
    uint64_t most = 0;
    if (strncmp(name, "top:", 4) != 0) return 0;
    for (const char *digit = name + 4; *digit; digit++) {
        if (*digit < '0' || *digit > '9') return 0;
        most = most * 10 + (uint64_t)(*digit - '0');
        if (most > UINT32_MAX / 4) return 0;
    }
    return (uint32_t)most;
}

const Combiner *combiner_find(const char *name, Store *store) {
    store->most = most_of(name);
    if (store->most) name = "top:N";
    for (const Combiner *combiner = COMBINERS; combiner->name; combiner++)
        if (strcmp(combiner->name, name) == 0)
            return combiner->add == top_add && !store->most ? NULL : combiner;
    return NULL;
}
