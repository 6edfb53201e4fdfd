#include "core/shuffle/combiner_kinds.h"

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

int store_define(Store *store, const char *value, size_t size) {
    size_t start = buffer_size(&store->dictionary), end = start + size;
    if (!start && buffer_append(&store->offsets, &start, sizeof start) == -1) return -1;
    if (buffer_append(&store->dictionary, value, size) == -1) return -1;
    return buffer_append(&store->offsets, &end, sizeof end);
}

const Combiner *const COMBINERS[] = {
    &COMBINE_SUM,  &COMBINE_COUNT, &COMBINE_MIN,    &COMBINE_MAX,  &COMBINE_MEAN, &COMBINE_FIRST,
    &COMBINE_LAST, &COMBINE_LIST,  &COMBINE_VALUES, &COMBINE_FOLD, &COMBINE_SET,  &COMBINE_HIST,
    &COMBINE_TOP,  NULL,
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
    for (const Combiner *const *combiner = COMBINERS; *combiner; combiner++)
        if (strcmp((*combiner)->name, name) == 0)
            return *combiner == &COMBINE_TOP && !store->most ? NULL : *combiner;
    return NULL;
}
