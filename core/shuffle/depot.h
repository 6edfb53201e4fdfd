/* Depot - where a process puts what it has sorted: in memory up to its share, and then on disk.
 *
 * It has two files that nobody else writes, one in memory and one on disk. What
 * goes into the first stands there as it is; what goes into the second stands in blocks. */
#ifndef PARALLEL_LUA_SHUFFLE_DEPOT_H
#define PARALLEL_LUA_SHUFFLE_DEPOT_H

#include "core/shuffle/record.h"

typedef struct {
    int memory;        // the first file, -1: there is none
    uint64_t most;     // bytes that may be in it
    int disk;          // the second, -1: there is none
    int refusal;       // then why not, an errno
    const char *place; // what the second one's folder is called, for messages
    size_t block;      // size of what goes there at once
    bool on_disk;      // what was opened last goes there
} Depot;

/* Opens a writer at the end of one of the files: of the first when `expected` more
 * bytes still fit there. 0, or -1 with errno. The writer keeps what it can use again. */
int depot_open(Depot *depot, Writer *writer, uint64_t expected);

/* True when the writer writes the file in memory, and that has more bytes now than it may. */
bool depot_is_full(const Depot *depot, const Writer *writer);

#endif
