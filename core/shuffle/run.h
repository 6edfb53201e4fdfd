/* Run - what a map worker has combined so far, sorted and on file.
 *
 * A run has a region for each partition, with the keys whose hash falls there,
 * sorted, each with the bodies that its combiner saved; and for sets a
 * dictionary, a region whose keys are the values, sorted. Its descriptor, some
 * bytes that travel to the reduce workers, says where they are:
 *
 *     fd | number of partitions | dictionary | partition 0 | partition 1 ...
 *
 * in varints; a region is its offset, length, count of records and block size. */
#ifndef PARALLEL_LUA_SHUFFLE_RUN_H
#define PARALLEL_LUA_SHUFFLE_RUN_H

#include "core/shuffle/combiner.h"
#include "core/shuffle/depot.h"
#include "core/shuffle/table.h"

/* Writes the table into the depot and empties it; appends the descriptor. -1 with errno (ENOMEM,
 * ENOSPC ...) when that fails: the table is empty then too, and what was written is never read. */
int run_commit(Table *table, Store *store, const Combiner *combiner, Depot *depot,
               unsigned partitions, Buffer *descriptor);

typedef struct {
    int fd;
    Region dictionary, partition;
} Run;

/* What a descriptor says about one partition; 0, or -1 with EBADMSG or what fstat says. */
int run_open(Run *run, const char *descriptor, size_t size, unsigned partition);

/* Appends the descriptor of the same run, in the file of this number. 0, or -1 with EBADMSG
 * or ENOMEM. */
int run_move(const char *descriptor, size_t size, int fd, Buffer *moved);

/* Reads it all: 0 when it is as it was written; else -1, with errno as cursor_next. */
int run_verify(const char *descriptor, size_t size);

#endif
