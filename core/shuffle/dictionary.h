/* Dictionary - the values of several runs' sets, numbered together.
 *
 * Each run numbers its values by their rank among its own. The dictionaries of
 * the runs are merged into one, which a Store keeps, and each run gets a map
 * from its ranks to the common ones. */
#ifndef PARALLEL_LUA_SHUFFLE_DICTIONARY_H
#define PARALLEL_LUA_SHUFFLE_DICTIONARY_H

#include "core/shuffle/combiner.h"
#include "core/shuffle/run.h"

typedef struct {
    RankMap *maps;   // one a run
    uint32_t *ranks; // what the maps point to
} Dictionary;

/* Reads the dictionaries of the runs into the store; `memory` is for buffers. 0, or -1 with
 * errno. */
int dictionary_read(Dictionary *dictionary, const Run *runs, size_t count, size_t memory,
                    Store *store);

void dictionary_free(Dictionary *dictionary);

#endif
