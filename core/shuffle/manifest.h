/* Manifest - a file of records that is only ever added to, and that outlives its process.
 *
 *     "parallel-lua journal 1\n" | record | record ...
 *
 * A record is a name and a body, in blocks of its own (core/shuffle/block.h), so that one
 * which a crash cut short is told from a whole one. Whoever opens the file reads what is
 * whole, and what it adds takes the place of what is torn:
 *
 *     manifest_open     the file, made when there is none
 *     manifest_next     one record after another, until there are no more
 *     manifest_append   one more; on disk when it returns
 *     manifest_close
 *
 * A process that may append has the file for itself. */
#ifndef PARALLEL_LUA_SHUFFLE_MANIFEST_H
#define PARALLEL_LUA_SHUFFLE_MANIFEST_H

#include <sys/types.h>

#include "core/shuffle/record.h"

typedef struct {
    int fd;       // -1: closed
    pid_t holder; // after EBUSY: the process that has the file; 0: it is not known
    uint64_t end; // of the last record that was read or written
    Cursor cursor;
    Writer writer;
} Manifest;

#define MANIFEST_CLOSED ((Manifest){.fd = -1})

/* The manifest must be a closed one. `only_read`: nothing is made, locked or changed. 0, or -1
 * with errno, and closed: EBUSY when another process has it, EBADMSG when it is another kind of
 * file, or what open says. */
int manifest_open(Manifest *manifest, const char *path, bool only_read);

/* The next record, in manifest->cursor until the next call: 1; 0 when no whole one is left; -1 with
 * ENOMEM or what pread says. */
int manifest_next(Manifest *manifest);

/* The next append begins the file anew. */
static inline void manifest_clear(Manifest *manifest) {
    manifest->end = 0;
}

/* 0, or -1 with errno such as ENOSPC: then this one does not count. */
int manifest_append(Manifest *manifest, const char *name, const char *body, size_t size);

/* Twice is harmless. */
void manifest_close(Manifest *manifest);

#endif
