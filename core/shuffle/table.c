#include "core/shuffle/table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/os/sys.h"

enum { FEWEST_SLOTS = 1024, LONGEST_KEY = 1 << 30 };

static inline uint64_t load64(const char *from) {
    uint64_t n;
    memcpy(&n, from, sizeof n);
    return n;
}

static inline uint32_t load32(const char *from) {
    uint32_t n;
    memcpy(&n, from, sizeof n);
    return n;
}

// Keys are short: comparing words that overlap is several times as fast as memcmp.
static inline bool same(const char *a, const char *b, size_t size) {
    if (size > 16) return memcmp(a, b, size) == 0;
    if (size >= 8)
        return ((load64(a) ^ load64(b)) | (load64(a + size - 8) ^ load64(b + size - 8))) == 0;
    if (size >= 4)
        return ((load32(a) ^ load32(b)) | (load32(a + size - 4) ^ load32(b + size - 4))) == 0;
    for (size_t i = 0; i < size; i++)
        if (a[i] != b[i]) return false;
    return true;
}

static inline bool is_key(const Table *table, Ref entry, uint8_t tag, const char *bytes,
                          size_t size) {
    const char *key = table_key(table, entry);
    return table_key_size(table, entry) == size + 1 && (uint8_t)*key == tag &&
           same(key + 1, bytes, size);
}

static inline uint32_t hash_of(uint8_t tag, const char *bytes, size_t size) {
    return (uint32_t)XXH3_64bits(bytes, size) ^ tag;
}

static void put_slot(Slot *slots, uint32_t mask, Slot slot) {
    uint32_t i = slot.hash & mask;
    while (slots[i].entry) i = (i + 1) & mask;
    slots[i] = slot;
}

// Slots are kept at most five eighths full.
static int grow(Table *table) {
    size_t old = table->slots ? (size_t)table->mask + 1 : 0;
    size_t slots = old ? old * 2 : FEWEST_SLOTS;
    if (slots > UINT32_MAX) {
        errno = ENOMEM;
        return -1;
    }
    Slot *bigger = sys.realloc(NULL, slots * sizeof *bigger);
    if (!bigger) return -1;
    memset(bigger, 0, slots * sizeof *bigger);
    for (size_t i = 0; i < old; i++)
        if (table->slots[i].entry) put_slot(bigger, (uint32_t)slots - 1, table->slots[i]);
    free(table->slots);
    table->slots = bigger;
    table->mask = (uint32_t)slots - 1;
    table->room = (uint32_t)(slots / 8 * 5) - table->count;
    return 0;
}

static __attribute__((noinline)) void *add(Table *table, uint32_t hash, uint8_t tag,
                                           const char *bytes, size_t size) {
    if (size >= LONGEST_KEY) {
        errno = ENOMEM;
        return NULL;
    }
    if (!table->room && grow(table) == -1) return NULL;
    Ref entry = arena_take(&table->arena, 4 + table->state_size + 1 + size);
    if (!entry) return NULL;
    *(uint32_t *)arena_at(&table->arena, entry) = (uint32_t)size + 1;
    char *state = table_state(table, entry), *key = state + table->state_size;
    memset(state, 0, table->state_size);
    *key = (char)tag;
    if (size) memcpy(key + 1, bytes, size);
    put_slot(table->slots, table->mask, (Slot){hash, entry});
    table->count++;
    table->room--;
    return state;
}

void *table_find_or_add(Table *table, uint8_t tag, const char *bytes, size_t size) {
    uint32_t hash = hash_of(tag, bytes, size);
    if (!table->slots) return add(table, hash, tag, bytes, size);
    for (uint32_t i = hash & table->mask; table->slots[i].entry; i = (i + 1) & table->mask) {
        Slot slot = table->slots[i];
        if (slot.hash == hash && is_key(table, slot.entry, tag, bytes, size))
            return table_state(table, slot.entry);
    }
    return add(table, hash, tag, bytes, size);
}

// No later key can have passed by its slot, so the slot may simply become free.
void table_take_back(Table *table, const void *state) {
    size_t start = (size_t)((const char *)state - 4 - table->arena.data);
    const char *key = (const char *)state + table->state_size;
    uint32_t size = *(const uint32_t *)(const void *)((const char *)state - 4);
    uint32_t i = hash_of((uint8_t)*key, key + 1, size - 1) & table->mask;
    while (table->slots[i].entry != start / 4) i = (i + 1) & table->mask;
    table->slots[i] = (Slot){0, 0};
    table->arena.used = start;
    table->count--;
    table->room++;
}

void table_clear(Table *table) {
    if (table->slots) memset(table->slots, 0, ((size_t)table->mask + 1) * sizeof *table->slots);
    table->room += table->count;
    table->count = 0;
    arena_clear(&table->arena);
}

void table_free(Table *table) {
    free(table->slots);
    arena_free(&table->arena);
    *table = (Table){.state_size = table->state_size};
}

size_t table_memory(const Table *table) {
    size_t slots = table->slots ? (size_t)table->mask + 1 : 0;
    return slots * sizeof *table->slots + table->arena.used;
}
