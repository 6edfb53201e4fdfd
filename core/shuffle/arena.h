/* Arena - memory that is taken piece by piece and given back all at once.
 *
 * It is one block that moves when it grows, so its users keep numbers, not
 * pointers: a Ref counts words of four bytes from the start, and fits where a
 * pointer would double the size. Ref 0 is nothing.
 *
 * Chain - bytes that grow at their end, in pieces of an arena. What is
 * appended in one call stays together in one piece. All zero is an empty chain. */
#ifndef PARALLEL_LUA_SHUFFLE_ARENA_H
#define PARALLEL_LUA_SHUFFLE_ARENA_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t Ref;

typedef struct {
    char *data;
    size_t used, capacity;
} Arena;

/* Memory of this size, not cleared, aligned to four bytes. 0 with ENOMEM when there is none. */
Ref arena_take(Arena *arena, size_t size);

static inline void *arena_at(const Arena *arena, Ref ref) {
    return arena->data + (size_t)ref * 4;
}

static inline void arena_clear(Arena *arena) {
    arena->used = 0;
}

void arena_free(Arena *arena);

typedef struct {
    Ref first, last;
} Chain;

typedef struct {
    Ref next;
    uint32_t size, capacity;
    char bytes[];
} Piece;

/* Appends the bytes; 0, or -1 with ENOMEM. */
int chain_append(Chain *chain, Arena *arena, const void *bytes, size_t size);

/* Makes the chain empty; its pieces are used again by what is appended next. */
void chain_rewind(Chain *chain, Arena *arena);

/* The piece behind this one (NULL: the first), or NULL. */
const Piece *chain_next(const Chain *chain, const Arena *arena, const Piece *piece);

#endif
