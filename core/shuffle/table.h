/* Table - a hash table from keys to small states; it grows and never shrinks.
 *
 * A slot holds 32 bits of the key's hash and a reference to its entry. Entries
 * lie one after the other in an arena:
 *
 *     size of the key, 4 bytes | state, as many bytes as the table says | key
 *
 * A key is a tag byte and then its bytes, which the caller gives apart, so
 * that a string need not be copied to be looked for. */
#ifndef PARALLEL_LUA_SHUFFLE_TABLE_H
#define PARALLEL_LUA_SHUFFLE_TABLE_H

#include <stdint.h>

#include "core/shuffle/arena.h"

typedef struct {
    uint32_t hash;
    Ref entry; // 0: the slot is free
} Slot;

typedef struct {
    uint32_t state_size; // a multiple of four; set once, before the first key
    uint32_t count;
    uint32_t room; // how many more keys fit before the slots must grow
    uint32_t mask; // number of slots - 1
    Slot *slots;
    Arena arena;
} Table;

/* The state of the key, all zero when the key is new; good until the next
 * key is added. NULL with ENOMEM, the table as it was. */
void *table_find_or_add(Table *table, uint8_t tag, const char *bytes, size_t size);

/* Takes back the key that was added last, whose state this is. */
void table_take_back(Table *table, const void *state);

/* What an entry is made of. */
static inline void *table_state(const Table *table, Ref entry) {
    return (char *)arena_at(&table->arena, entry) + 4;
}
static inline Ref table_entry(const Table *table, const void *state) {
    return (Ref)(((const char *)state - 4 - table->arena.data) / 4);
}
static inline uint32_t table_key_size(const Table *table, Ref entry) {
    return *(const uint32_t *)arena_at(&table->arena, entry);
}
static inline const char *table_key(const Table *table, Ref entry) {
    return (const char *)table_state(table, entry) + table->state_size;
}

/* Forgets all keys and keeps the memory. */
void table_clear(Table *table);

void table_free(Table *table);

/* The bytes it takes up. */
static inline size_t table_memory(const Table *table) {
    size_t slots = table->slots ? (size_t)table->mask + 1 : 0;
    return slots * sizeof *table->slots + table->arena.used;
}

/* How many of them the next new key may need at once, when the slots must grow. */
static inline size_t table_growth(const Table *table) {
    return table->room || !table->slots ? 0 : 2 * ((size_t)table->mask + 1) * sizeof *table->slots;
}

#endif
