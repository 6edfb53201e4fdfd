#include "core/shuffle/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/os/sys.h"
#include "core/shuffle/gist.h"

enum { FEWEST_SLOTS = 1024, LONGEST_KEY = 1 << 30 };

// A key as it is looked for.
typedef struct {
    const char *bytes;
    size_t size;
    Gist gist; // of a short one
    uint32_t hash;
    uint8_t tag;
} Key;

static inline Key key_of(uint8_t tag, const char *bytes, size_t size) {
    Key key = {bytes, size, {0, 0}, 0, tag};
    if (size > LONGEST_GIST) {
        key.hash = (uint32_t)XXH3_64bits(bytes, size) ^ tag;
        return key;
    }
    key.gist = gist_of(bytes, size);
    key.hash = gist_hash(key.gist, size) ^ tag;
    return key;
}

static inline bool is_key(const Table *table, Ref entry, const Key *key) {
    const char *found = table_key(table, entry);
    if (table_key_size(table, entry) != key->size + 1 || (uint8_t)*found != key->tag) return false;
    if (key->size > LONGEST_GIST) return memcmp(found + 1, key->bytes, key->size) == 0;
    return gist_equals(gist_of(found + 1, key->size), key->gist);
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

static __attribute__((noinline)) void *add(Table *table, const Key *key) {
    if (key->size >= LONGEST_KEY) {
        errno = ENOMEM;
        return NULL;
    }
    if (!table->room && grow(table) == -1) return NULL;
    Ref entry = arena_take(&table->arena, 4 + table->state_size + 1 + key->size);
    if (!entry) return NULL;
    *(uint32_t *)arena_at(&table->arena, entry) = (uint32_t)key->size + 1;
    char *state = table_state(table, entry), *to = state + table->state_size;
    memset(state, 0, table->state_size);
    *to = (char)key->tag;
    if (key->size) memcpy(to + 1, key->bytes, key->size);
    put_slot(table->slots, table->mask, (Slot){key->hash, entry});
    table->count++;
    table->room--;
    return state;
}

void *table_find_or_add(Table *table, uint8_t tag, const char *bytes, size_t size) {
    Key key = key_of(tag, bytes, size);
    if (!table->slots) return add(table, &key);
    for (uint32_t i = key.hash & table->mask; table->slots[i].entry; i = (i + 1) & table->mask) {
        Slot slot = table->slots[i];
        if (slot.hash == key.hash && is_key(table, slot.entry, &key))
            return table_state(table, slot.entry);
    }
    return add(table, &key);
}

// No later key can have passed by its slot, so the slot may simply become free.
void table_take_back(Table *table, const void *state) {
    Ref entry = table_entry(table, state);
    const char *key = (const char *)state + table->state_size;
    uint32_t size = *(const uint32_t *)(const void *)((const char *)state - 4);
    uint32_t i = key_of((uint8_t)*key, key + 1, size - 1).hash & table->mask;
    while (table->slots[i].entry != entry) i = (i + 1) & table->mask;
    table->slots[i] = (Slot){0, 0};
    table->arena.used = (size_t)entry * 4;
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
