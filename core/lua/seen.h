/* Seen - the objects that a message already holds, and where.
 *
 * A hash table from addresses to numbers. All zero is a valid empty one. */
#ifndef PARALLEL_LUA_LUA_SEEN_H
#define PARALLEL_LUA_LUA_SEEN_H

#include <stddef.h>

typedef struct {
    const void *object; // NULL: the entry is free
    size_t place;
} SeenEntry;

typedef struct {
    SeenEntry *entries; // 2^bits of them, or NULL
    size_t count, most; // it grows when count reaches most
    unsigned bits;
} Seen;

/* Notes that the object is at *place. 1: it is new; 0: it was noted before, and
 * *place now says where; -1 with ENOMEM: it is not noted, all others still are. */
int seen_note(Seen *seen, const void *object, size_t *place);

/* Forgets all objects; memory is kept for the next message unless it is much. */
void seen_clear(Seen *seen);

void seen_free(Seen *seen);

#endif
