#include "core/shuffle/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/os/sys.h"

enum {
    WORD = 4,
    SMALLEST_ARENA = 1 << 16,
    SMALLEST_PIECE = 16,
    LARGEST_PIECE = 1 << 13, // grows no further, unless one append needs more
};

static const size_t LARGEST_ARENA = ((size_t)UINT32_MAX + 1) * WORD;

static int grow(Arena *arena, size_t needed) {
    size_t capacity = arena->capacity ? arena->capacity : SMALLEST_ARENA;
    while (capacity < needed) capacity *= 2;
    if (capacity > LARGEST_ARENA) {
        errno = ENOMEM;
        return -1;
    }
    char *data = sys.realloc(arena->data, capacity);
    if (!data) return -1;
    arena->data = data;
    arena->capacity = capacity;
    return 0;
}

Ref arena_take(Arena *arena, size_t size) {
    size_t start = arena->used ? arena->used : WORD;
    if (size > LARGEST_ARENA) size = LARGEST_ARENA;
    size_t end = start + ((size + WORD - 1) & ~(size_t)(WORD - 1));
    if (end > arena->capacity && grow(arena, end) == -1) return 0;
    arena->used = end;
    return (Ref)(start / WORD);
}

void arena_free(Arena *arena) {
    free(arena->data);
    *arena = (Arena){0};
}

static size_t capacity_after(const Piece *last, size_t size) {
    size_t capacity = last ? 2 * (size_t)last->capacity : SMALLEST_PIECE;
    if (capacity > LARGEST_PIECE) capacity = LARGEST_PIECE;
    return capacity < size ? size : capacity;
}

static int add_piece(Chain *chain, Arena *arena, size_t size) {
    const Piece *last = chain->last ? arena_at(arena, chain->last) : NULL;
    size_t capacity = capacity_after(last, size);
    if (capacity > UINT32_MAX) {
        errno = ENOMEM;
        return -1;
    }
    Ref ref = arena_take(arena, sizeof(Piece) + capacity);
    if (!ref) return -1;
    *(Piece *)arena_at(arena, ref) = (Piece){.capacity = (uint32_t)capacity};
    if (chain->last)
        ((Piece *)arena_at(arena, chain->last))->next = ref;
    else
        chain->first = ref;
    chain->last = ref;
    return 0;
}

int chain_append(Chain *chain, Arena *arena, const void *bytes, size_t size) {
    Piece *piece = chain->last ? arena_at(arena, chain->last) : NULL;
    while (piece && piece->next && piece->capacity - piece->size < size) {
        chain->last = piece->next;
        piece = arena_at(arena, chain->last);
    }
    if (!piece || piece->capacity - piece->size < size) {
        if (add_piece(chain, arena, size) == -1) return -1;
        piece = arena_at(arena, chain->last);
    }
    memcpy(piece->bytes + piece->size, bytes, size);
    piece->size += (uint32_t)size;
    return 0;
}

void chain_rewind(Chain *chain, Arena *arena) {
    for (Ref ref = chain->first; ref;) {
        Piece *piece = arena_at(arena, ref);
        piece->size = 0;
        ref = piece->next;
    }
    chain->last = chain->first;
}

const Piece *chain_next(const Chain *chain, const Arena *arena, const Piece *piece) {
    Ref ref = piece ? piece->next : chain->first;
    return ref ? arena_at(arena, ref) : NULL;
}
