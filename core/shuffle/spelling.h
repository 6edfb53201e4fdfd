/* Spelling - a run of sets with its values spelled out, where it had the numbers of a dictionary.
 *
 * That takes more room on disk, but such runs can be merged without having all
 * their dictionaries in memory. */
#ifndef PARALLEL_LUA_SHUFFLE_SPELLING_H
#define PARALLEL_LUA_SHUFFLE_SPELLING_H

#include "core/shuffle/merge.h"
#include "core/shuffle/run.h"

/* Can the dictionaries of all these runs be had in so much memory, roughly? */
bool spelling_is_needed(const Run *runs, size_t count, size_t memory);

/* Writes the run's partition with bodies for combiner->spelled. 0 with *spelled filled in, or
 * -1 with errno. */
int spelling_write(const Run *run, const Combiner *combiner, size_t memory, Depot *depot,
                   Source *spelled);

#endif
