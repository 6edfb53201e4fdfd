#include "core/lua/seen.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/os/sys.h"

enum { SMALLEST_BITS = 6, KEPT_BITS = 12 };

// Addresses share their low bits and stand in regular distances; multiplying
// by 2^64 over the golden ratio spreads both over the high bits.
static size_t seen_slot(const Seen *seen, const void *object) {
    return ((uint64_t)(uintptr_t)object * 0x9e3779b97f4a7c15u) >> (64 - seen->bits);
}

static SeenEntry *seen_find(const Seen *seen, const void *object) {
    size_t mask = ((size_t)1 << seen->bits) - 1;
    size_t slot = seen_slot(seen, object);
    while (seen->entries[slot].object && seen->entries[slot].object != object)
        slot = (slot + 1) & mask;
    return &seen->entries[slot];
}

static int seen_grow(Seen *seen) {
    Seen bigger = {.count = seen->count, .bits = seen->bits ? seen->bits + 2 : SMALLEST_BITS};
    size_t size = (size_t)1 << bigger.bits;
    bigger.most = size / 4 * 3;
    bigger.entries = sys.realloc(NULL, size * sizeof *bigger.entries);
    if (!bigger.entries) return -1;
    memset(bigger.entries, 0, size * sizeof *bigger.entries);
    for (size_t i = 0, left = seen->count; left > 0; i++) {
        if (!seen->entries[i].object) continue;
        *seen_find(&bigger, seen->entries[i].object) = seen->entries[i];
        left--;
    }
    free(seen->entries);
    *seen = bigger;
    return 0;
}

int seen_note(Seen *seen, const void *object, size_t *place) {
    if (seen->count == seen->most && seen_grow(seen) == -1) return -1;
    SeenEntry *entry = seen_find(seen, object);
    if (entry->object) {
        *place = entry->place;
        return 0;
    }
    *entry = (SeenEntry){object, *place};
    seen->count++;
    return 1;
}

void seen_clear(Seen *seen) {
    if (seen->bits > KEPT_BITS) return seen_free(seen);
    if (seen->count) memset(seen->entries, 0, sizeof *seen->entries << seen->bits);
    seen->count = 0;
}

void seen_free(Seen *seen) {
    free(seen->entries);
    *seen = (Seen){0};
}
