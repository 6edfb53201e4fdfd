/* Seen - the objects that a message already holds, and where.
 *
 *     slots     [ . 2 . . 1 . 3 . ]     a hash table of numbers, 0 where free
 *     entries   [ object, place | object, place | ... ]  as they came, from number 1
 *
 * The hash table is small for the processor's caches, and forgetting few
 * objects is cheap even when it has grown. All zero is a valid empty one. */
#ifndef PARALLEL_LUA_LUA_SEEN_H
#define PARALLEL_LUA_LUA_SEEN_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const void *object;
    size_t place;
} SeenEntry;

typedef struct {
    uint32_t *slots; // 2^bits of them, or NULL
    SeenEntry *entries;
    size_t count, most; // it grows when count reaches most, half the number of slots
    unsigned bits;
} Seen;

/* Notes that the object is at *place. 1: it is new; 0: it was noted before, and
 * *place now says where; -1 with ENOMEM: it is not noted, all others still are. */
int seen_note(Seen *seen, const void *object, size_t *place);

/* Forgets all objects; memory is kept for the next message unless it is much. */
void seen_clear(Seen *seen);

void seen_free(Seen *seen);

#endif
