/* Set and hist with their values spelled out: what their bodies become where a dictionary for all
 * of them would not fit. A body is elements of a sequence or of a histogram. */
#include "core/shuffle/combiner_kinds.h"

#include <stdlib.h>

typedef struct {
    Chain chain;    // of elements
    uint32_t count; // of those, some perhaps of one value
    uint32_t limit; // at this count those are joined
} SpelledState;

enum { FIRST_LIMIT = 1024 };

/* ---- from numbers to values ---- */

static int spell_value(const Store *store, uint64_t rank, Buffer *to) {
    const size_t *offsets = (const size_t *)(const void *)buffer_bytes(&store->offsets);
    size_t count = buffer_size(&store->offsets) / sizeof *offsets;
    if (rank + 1 >= count) return combiner_damaged();
    size_t start = offsets[rank], size = offsets[rank + 1] - start;
    if (buffer_append_varint(to, size) == -1) return -1;
    return buffer_append(to, buffer_bytes(&store->dictionary) + start, size);
}

static int spell_set(const Store *store, const char *body, size_t size, Buffer *to) {
    const char *at = body, *end = body + size;
    for (uint64_t rank = 0, difference; at < end;) {
        if (!varint_read(&at, end, &difference) || difference > UINT32_MAX)
            return combiner_damaged();
        rank += difference;
        if (spell_value(store, rank, to) == -1) return -1;
    }
    return 0;
}

static int spell_hist(const Store *store, const char *body, size_t size, Buffer *to) {
    const char *at = body, *end = body + size;
    for (uint64_t rank, times; at < end;) {
        if (!varint_read(&at, end, &rank) || !varint_read(&at, end, &times))
            return combiner_damaged();
        if (rank > UINT32_MAX || spell_value(store, rank, to) == -1) return -1;
        if (buffer_append_varint(to, times) == -1) return -1;
    }
    return 0;
}

/* ---- elements of a state ---- */

// The next element, of a set or a histogram; each of a set counts once.
static int next_element(const char **at, const char *end, bool counts, SortItem *item,
                        uint64_t *times) {
    const char *value;
    size_t size;
    *times = 1;
    int found = counts ? histogram_next(at, end, &value, &size, times)
                       : sequence_next(at, end, &value, &size);
    if (found == 1) *item = (SortItem){ordered_prefix(value, size), value, (uint32_t)size, 0};
    return found;
}

static uint64_t times_of(const SortItem *item, bool counts) {
    const char *at = item->key + item->size;
    uint64_t times = 1;
    if (counts) varint_read(&at, at + VARINT_MAX, &times);
    return times;
}

static int append_element(Buffer *to, const SortItem *item, uint64_t times, bool counts) {
    if (buffer_append_varint(to, item->size) == -1) return -1;
    if (buffer_append(to, item->key, item->size) == -1) return -1;
    return counts ? buffer_append_varint(to, times) : 0;
}

// Appends the elements in their order, those of one value as one; *count is then how many.
static int join_items(const SortItem *items, uint32_t *count, bool counts, Buffer *to) {
    uint32_t joined = 0;
    for (uint32_t i = 0, next; i < *count; i = next, joined++) {
        uint64_t times = times_of(&items[i], counts);
        for (next = i + 1; next < *count && !sort_compare(&items[i], &items[next]); next++)
            times += times_of(&items[next], counts);
        if (append_element(to, &items[i], times, counts) == -1) return -1;
    }
    *count = joined;
    return 0;
}

// All elements of the state, joined, at the end of the buffer, which is not the store's.
static int join_state(Store *store, const SpelledState *state, uint32_t *count, bool counts,
                      Buffer *to) {
    SortItem *items = combiner_gather(store, &state->chain, state->count);
    if (!items) return -1;
    const char *at = buffer_bytes(&store->ids), *end = at + buffer_size(&store->ids);
    uint64_t times;
    for (*count = 0; *count < state->count; ++*count)
        if (next_element(&at, end, counts, &items[*count], &times) != 1) break;
    sort_items(items, *count);
    int result = join_items(items, count, counts, to);
    free(items);
    return result;
}

static int shorten(Store *store, SpelledState *state, bool counts) {
    uint32_t count;
    buffer_clear(&store->scratch);
    if (join_state(store, state, &count, counts, &store->scratch) == -1) return -1;
    chain_rewind(&state->chain, &store->arena);
    state->count = count;
    state->limit = count < FIRST_LIMIT / 2 ? FIRST_LIMIT : count * 2;
    return chain_append(&state->chain, &store->arena, buffer_bytes(&store->scratch),
                        buffer_size(&store->scratch));
}

static int absorb(Store *store, SpelledState *state, const char *body, size_t size, bool counts) {
    const char *at = body, *end = body + size;
    SortItem item;
    uint64_t times;
    int found;
    while ((found = next_element(&at, end, counts, &item, &times)) == 1) state->count++;
    if (found == -1) return -1;
    if (size && chain_append(&state->chain, &store->arena, body, size) == -1) return -1;
    if (state->count < FIRST_LIMIT || state->count < state->limit) return 0;
    return shorten(store, state, counts);
}

static int set_absorb(Store *store, void *state, const char *body, size_t size) {
    return absorb(store, state, body, size, false);
}

static int hist_absorb(Store *store, void *state, const char *body, size_t size) {
    return absorb(store, state, body, size, true);
}

static int set_result(Store *store, const void *state, Buffer *value) {
    uint32_t count;
    if (buffer_append_byte(value, VALUE_SEQUENCE) == -1) return -1;
    return join_state(store, state, &count, false, value);
}

static int hist_result(Store *store, const void *state, Buffer *value) {
    uint32_t count;
    if (buffer_append_byte(value, VALUE_HISTOGRAM) == -1) return -1;
    return join_state(store, state, &count, true, value);
}

// They are made by spelling only, never while mapping.
const Combiner COMBINE_SPELLED_SET = {.name = "set",
                                      .state_size = sizeof(SpelledState),
                                      .absorb = set_absorb,
                                      .result = set_result,
                                      .spell = spell_set};
const Combiner COMBINE_SPELLED_HIST = {.name = "hist",
                                       .state_size = sizeof(SpelledState),
                                       .absorb = hist_absorb,
                                       .result = hist_result,
                                       .spell = spell_hist};
