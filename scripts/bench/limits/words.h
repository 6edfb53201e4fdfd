/* Words - what the two limit programs share: how text is cut into words, and
 * the table that holds them.
 *
 * They say what the machine can do, so they are written for speed, but as one
 * would write C by hand: no threads, no vector instructions, no tricks that
 * know this input. */
#ifndef BENCH_WORDS_H
#define BENCH_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The letter that a byte counts as, or 0 for what is between words.
static const unsigned char FOLD[256] = {
    ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f', ['g'] = 'g',
    ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n',
    ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't', ['u'] = 'u',
    ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z', ['A'] = 'a', ['B'] = 'b',
    ['C'] = 'c', ['D'] = 'd', ['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i',
    ['J'] = 'j', ['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p',
    ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't', ['U'] = 'u', ['V'] = 'v', ['W'] = 'w',
    ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z',
};

static inline void *check(void *block) {
    if (!block) {
        perror("out of memory");
        _Exit(1);
    }
    return block;
}

typedef struct {
    char *bytes;
    uint32_t size, hash;
} Word;

/* The next word at or after *at, folded where it stands; false when none is
 * left before `end`. The byte at `end`, or the one before it, is no letter. */
static inline bool next_word(char **at, const char *end, Word *word) {
    char *p = *at;
    while (p < end && !FOLD[(unsigned char)*p]) p++;
    if (p == end) return false;
    uint32_t hash = 0;
    word->bytes = p;
    for (char letter; (letter = (char)FOLD[(unsigned char)*p]); p++) {
        *p = letter;
        hash = (hash + (uint32_t)letter) * 0x9E3779B1u;
    }
    word->size = (uint32_t)(p - word->bytes);
    word->hash = hash ^ hash >> 15;
    *at = p;
    return true;
}

typedef struct {
    Word word;           // owned by the arena; bytes NULL in a free entry
    uint64_t count;      // wordcount.c: how often it was seen
    uint32_t *files;     // index.c: the numbers of its files, ascending
    uint32_t used, room; // of `files`
} Entry;

/* Open addressing, linear probing, at most half full. */
typedef struct {
    Entry *entries;
    size_t capacity, used; // capacity is a power of two
    char *arena;           // where the next word's bytes are copied to
    size_t room;           // that are left there
} Table;

static inline Table table_new(void) {
    size_t capacity = 1 << 16;
    return (Table){.entries = check(calloc(capacity, sizeof(Entry))), .capacity = capacity};
}

static inline char *table_keep(Table *table, const Word *word) {
    if (table->room < word->size) {
        table->room = word->size > 1 << 20 ? word->size : 1 << 20;
        table->arena = check(malloc(table->room));
    }
    char *bytes = memcpy(table->arena, word->bytes, word->size);
    table->arena += word->size;
    table->room -= word->size;
    return bytes;
}

static inline Entry *table_place(const Table *table, const Word *word) {
    size_t i = word->hash & (table->capacity - 1);
    for (;; i = (i + 1) & (table->capacity - 1)) {
        Entry *entry = &table->entries[i];
        if (!entry->word.bytes) return entry;
        if (entry->word.hash == word->hash && entry->word.size == word->size &&
            memcmp(entry->word.bytes, word->bytes, word->size) == 0) {
            return entry;
        }
    }
}

static inline void table_double(Table *table) {
    Table bigger = *table;
    bigger.capacity *= 2;
    bigger.entries = check(calloc(bigger.capacity, sizeof(Entry)));
    for (size_t i = 0; i < table->capacity; i++) {
        Entry *entry = &table->entries[i];
        if (entry->word.bytes) *table_place(&bigger, &entry->word) = *entry;
    }
    free(table->entries);
    *table = bigger;
}

/* The word's entry, made when it is new; good until the next call. */
static inline Entry *table_entry(Table *table, const Word *word) {
    Entry *entry = table_place(table, word);
    if (entry->word.bytes) return entry;
    if (++table->used > table->capacity / 2) {
        table_double(table);
        entry = table_place(table, word);
    }
    entry->word = *word;
    entry->word.bytes = table_keep(table, word);
    return entry;
}

static inline int word_order(const Word *a, const Word *b) {
    int order = memcmp(a->bytes, b->bytes, a->size < b->size ? a->size : b->size);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* Moves the used entries to the front, in the order given; the table is then only a list. */
static inline void table_sort(Table *table, int (*order)(const void *, const void *)) {
    size_t n = 0;
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->entries[i].word.bytes) table->entries[n++] = table->entries[i];
    }
    qsort(table->entries, n, sizeof(Entry), order);
}

#endif
