/* Min, max, first, last and fold: of the values of a key one is kept. */
#include "core/shuffle/combiner_kinds.h"

#include <errno.h>

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
/* ---- min and max ---- */

static int keep_if(Store *store, Cell *cell, const char *value, size_t size, int order) {
    if (!size) return combiner_damaged();
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
    return cell->size ? cell_append(cell, store, value) : combiner_damaged();
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
        return combiner_damaged();
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
    return cell->size ? cell_append(cell, store, value) : combiner_damaged();
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

const Combiner COMBINE_MIN = {"min",   sizeof(Cell), false, min_add, cell_save,
                              min_add, cell_result,  NULL,  NULL};
const Combiner COMBINE_MAX = {"max",   sizeof(Cell), false, max_add, cell_save,
                              max_add, cell_result,  NULL,  NULL};
const Combiner COMBINE_FIRST = {"first",      sizeof(PlacedState), false, first_add, placed_save,
                                first_absorb, placed_result,       NULL,  NULL};
const Combiner COMBINE_LAST = {"last",      sizeof(PlacedState), false, last_add, placed_save,
                               last_absorb, placed_result,       NULL,  NULL};
const Combiner COMBINE_FOLD = {"fold",   sizeof(FoldState), false, fold_add, fold_save,
                               fold_add, fold_result,       NULL,  NULL};
