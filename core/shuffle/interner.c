#include "core/shuffle/interner.h"

#include <stdlib.h>

#include "core/os/sys.h"
#include "core/shuffle/ordered.h"

int interner_number(Interner *interner, const char *value, size_t size, uint32_t *number) {
    Table *table = &interner->table;
    if (interner->last && interner->last_size == size && !memcmp(interner->last, value, size)) {
        *number = interner->last_number;
        return 0;
    }
    table->state_size = sizeof(uint32_t);
    uint32_t before = table->count;
    uint32_t *state = table_find_or_add(table, (uint8_t)value[0], value + 1, size - 1);
    if (!state) return -1;
    if (table->count > before) *state = before;
    *number = interner->last_number = *state;
    interner->last = (const char *)(state + 1);
    interner->last_size = (uint32_t)size;
    return 0;
}

int interner_sort(const Interner *interner, SortItem **items) {
    const Table *table = &interner->table;
    size_t slots = table->slots ? (size_t)table->mask + 1 : 0, count = 0;
    *items = sys.realloc(NULL, (table->count + 1) * sizeof **items);
    if (!*items) return -1;
    for (size_t i = 0; i < slots; i++) {
        Ref entry = table->slots[i].entry;
        if (!entry) continue;
        const char *key = table_key(table, entry);
        uint32_t size = table_key_size(table, entry);
        uint32_t number = *(const uint32_t *)table_state(table, entry);
        (*items)[count++] = (SortItem){ordered_prefix(key, size), key, size, number};
    }
    sort_items(*items, count);
    return 0;
}

void interner_clear(Interner *interner) {
    table_clear(&interner->table);
    interner->last = NULL;
}

void interner_free(Interner *interner) {
    table_free(&interner->table);
    interner->last = NULL;
}
