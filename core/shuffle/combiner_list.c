/* List, values and top:N: the values themselves are kept. */
#include "core/shuffle/combiner_kinds.h"

#include <stdlib.h>

#include "core/os/sys.h"

enum { FIRST_LIMIT = 256 }; // values that top keeps beyond twice as many as are wanted

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
/* ---- top: the greatest values, as many as the store says ---- */

typedef struct {
    Chain chain;    // elements of a sequence
    uint32_t count; // of those: never more than twice as many as are wanted, and a few
} TopState;

SortItem *combiner_gather(Store *store, const Chain *chain, size_t count) {
    const Piece *piece = NULL;
    buffer_clear(&store->ids);
    while ((piece = chain_next(chain, &store->arena, piece)) != NULL)
        if (buffer_append(&store->ids, piece->bytes, piece->size) == -1) return NULL;
    return sys.realloc(NULL, (count + 1) * sizeof(SortItem));
}

// The values in their order, copied to the store's ids. The caller frees *items.
static int sort_values(Store *store, const TopState *top, SortItem **items, size_t *count) {
    *items = combiner_gather(store, &top->chain, top->count);
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

const Combiner COMBINE_LIST = {"list",      sizeof(Chain), false, list_add, list_save,
                               list_absorb, list_result,   NULL,  NULL};
const Combiner COMBINE_VALUES = {"values",    sizeof(Chain), false, list_add, list_save,
                                 list_absorb, list_result,   NULL,  NULL};
const Combiner COMBINE_TOP = {"top:N",    sizeof(TopState), false, top_add, list_save,
                              top_absorb, top_result,       NULL,  NULL};
