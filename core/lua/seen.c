#include "core/lua/seen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/os/sys.h"

enum { SMALLEST_BITS = 6, KEPT_BITS = 19, MOST_BITS = 32 };

// Objects made one after the other are mostly met so too. Those of one page
// of memory get neighbouring slots, which keeps the processor's caches warm;
// pages are strewn: by 2^64 over the golden ratio, of which the high bits count.
static size_t first_slot(const Seen *seen, const void *object) {
    uint64_t address = (uintptr_t)object;
    uint64_t page = (address >> 12) * 0x9e3779b97f4a7c15u >> (64 - seen->bits);
    return (page + (address >> 5 & 127)) & (((size_t)1 << seen->bits) - 1);
}

static size_t slot_after(const Seen *seen, size_t slot) {
    return (slot + 1) & (((size_t)1 << seen->bits) - 1);
}

// The slot of an object that is noted, or the free one where it belongs.
static size_t find_slot(const Seen *seen, const void *object) {
    size_t slot = first_slot(seen, object);
    while (seen->slots[slot] && seen->entries[seen->slots[slot] - 1].object != object)
        slot = slot_after(seen, slot);
    return slot;
}

static void fill_slots(Seen *seen) {
    memset(seen->slots, 0, sizeof *seen->slots << seen->bits);
    for (size_t i = 0; i < seen->count; i++) {
        size_t slot = first_slot(seen, seen->entries[i].object);
        while (seen->slots[slot]) slot = slot_after(seen, slot);
        seen->slots[slot] = (uint32_t)(i + 1);
    }
}

static int seen_grow(Seen *seen) {
    unsigned bits = seen->bits ? seen->bits + 1 : SMALLEST_BITS;
    size_t size = (size_t)1 << bits;
    if (bits > MOST_BITS) {
        errno = ENOMEM;
        return -1;
    }
    SeenEntry *entries = sys.realloc(seen->entries, size / 2 * sizeof *entries);
    if (!entries) return -1;
    seen->entries = entries;
    uint32_t *slots = sys.realloc(NULL, size * sizeof *slots);
    if (!slots) return -1;
    free(seen->slots);
    *seen = (Seen){slots, entries, seen->count, size / 2, bits};
    fill_slots(seen);
    return 0;
}

int seen_note(Seen *seen, const void *object, size_t *place) {
    if (seen->count == seen->most && seen_grow(seen) == -1) return -1;
    size_t slot = find_slot(seen, object);
    if (seen->slots[slot]) {
        *place = seen->entries[seen->slots[slot] - 1].place;
        return 0;
    }
    seen->entries[seen->count++] = (SeenEntry){object, *place};
    seen->slots[slot] = (uint32_t)seen->count;
    return 1;
}

// Frees the slot of entry i. Not by find_slot: those before it may be free again.
static void forget(Seen *seen, size_t i) {
    size_t slot = first_slot(seen, seen->entries[i].object);
    while (seen->slots[slot] != i + 1) slot = slot_after(seen, slot);
    seen->slots[slot] = 0;
}

void seen_clear(Seen *seen) {
    if (seen->bits > KEPT_BITS) return seen_free(seen);
    if (seen->count > seen->most / 4)
        memset(seen->slots, 0, sizeof *seen->slots << seen->bits);
    else
        for (size_t i = 0; i < seen->count; i++) forget(seen, i);
    seen->count = 0;
}

void seen_free(Seen *seen) {
    free(seen->slots);
    free(seen->entries);
    *seen = (Seen){0};
}
