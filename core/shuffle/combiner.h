/* Combiner - how the values of one key become one: sum, count, min, max, ...
 *
 * A combiner works on states: some bytes, all zero when no value was seen,
 * whose larger parts lie in a Store. A state is
 *
 *     combiner->add      given one value after another, in a map worker;
 *     combiner->save     written as one or more bodies into a run;
 *     combiner->absorb   given such bodies, in a reduce worker;
 *     combiner->result   turned into value bytes.
 *
 * All of them return 0, or -1 with errno set: ENOMEM; EINVAL when the value is
 * not of the kind this combiner takes; EBADMSG when a body is damaged. */
#ifndef PARALLEL_LUA_SHUFFLE_COMBINER_H
#define PARALLEL_LUA_SHUFFLE_COMBINER_H

#include <stdbool.h>

#include "core/shuffle/arena.h"
#include "core/shuffle/interner.h"
#include "core/wire/buffer.h"

/* What a dictionary of a run, or the one common to several, tells about sets. */
typedef struct {
    const uint32_t *ranks; // by what a body says: where the value stands here
    uint32_t count;
} RankMap;

/* What the states of one table, or the one state of a merge, share. All zero is empty. */
typedef struct {
    Arena arena;
    int64_t split;     // position of the next value, for "first" and "last"
    uint64_t sequence; // within the split; counted up by whoever adds
    uint32_t most;     // how many values "top:N" keeps
    Buffer scratch;

    Interner values;   // set, while adding: the values, numbered
    RankMap saved;     // set, while saving: from those numbers to ranks
    RankMap source;    // set, while absorbing: from the body's ranks to common ones
    Buffer ids;        // set, while absorbing: the common ranks so far
    Buffer dictionary; // set, for the result: the common values, one after the other ...
    Buffer offsets;    // ... and where each begins: one size_t more than values
} Store;

/* Forgets the states and keeps the memory, and the dictionary. */
void store_clear(Store *store);
void store_free(Store *store);

static inline size_t store_memory(const Store *store) {
    return store->arena.used + table_memory(&store->values.table);
}

/* Appends a value to the dictionary, the next one in order. 0, or -1 with ENOMEM. */
int store_define(Store *store, const char *value, size_t size);

typedef struct Combiner Combiner;

struct Combiner {
    const char *name;
    uint32_t state_size;
    bool needs_dictionary;
    int (*add)(Store *store, void *state, const char *value, size_t size);
    /* Appends one body. *piece is NULL at first; where it is not NULL
     * afterwards there is more, and save is called again with it. */
    int (*save)(Store *store, const void *state, const Piece **piece, Buffer *body);
    int (*absorb)(Store *store, void *state, const char *body, size_t size);
    int (*result)(Store *store, const void *state, Buffer *value);
    const Combiner *spelled; // of one that needs a dictionary: what does without
    /* Of the latter: appends the body that it takes for one that the former has saved; the
     * store has the dictionary. */
    int (*spell)(const Store *store, const char *body, size_t size, Buffer *to);
};

enum { COMBINER_LARGEST_STATE = 64 };

/* The combiners, ended by NULL. */
extern const Combiner *const COMBINERS[];

/* The combiner of this name, or NULL. What the name says beyond, as N in
 * "top:N", is noted in the store, which must be the one that it will work on. */
const Combiner *combiner_find(const char *name, Store *store);

/* The state of "sum", open to the emitter, which adds an integer with every word of a text. */
typedef struct __attribute__((packed, aligned(4))) {
    uint64_t integers; // wraps, as integers do in Lua
    Ref floats;        // their Total; 0 while there was none
} SumState;

/* The state of "count" is a uint64_t. */
typedef struct __attribute__((packed, aligned(4))) {
    uint64_t n;
} CountState;

#endif
