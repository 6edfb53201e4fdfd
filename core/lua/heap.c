#include "core/lua/heap.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/os/clock.h"
#include "core/os/sys.h"

// The C library merges small blocks that were freed when it is next asked for a large one, and
// sorts them then, some thousands at each such request. Here each merely writes to its block; after
// a fork it copies a page. How many there are it tells only by looking at each, so it is asked
// until a request takes no time. Nothing is lost when there is no memory.
static void order_free_blocks(void) {
    enum { LARGE = 100 << 10, REQUESTS_MOST = 1000, NO_TIME_NS = 20000 };
    uint64_t took = UINT64_MAX;
    for (int i = 0; i < REQUESTS_MOST && took > NO_TIME_NS; i++) {
        uint64_t since = clock_now();
        free(sys.realloc(NULL, LARGE));
        took = clock_now() - since;
    }
}

#if LUA_VERSION_NUM >= 504

enum {
    GRAIN = 16,
    LARGEST = 512, // what is larger, or a block that grows beyond, is left to the allocator before
    CLASSES = LARGEST / GRAIN,
    STEP = 256 << 10, // garbage between two collections; it and what lives stay in the cache
    LARGEST_MULTIPLIER = 200, // percent of the heap, the most that the collector can be told
    STEPS_TO_AGE = 3          // new -> survival -> old since the last one -> old
};

static const size_t STRETCH = (size_t)1 << 34;

// A block that is free.
typedef struct Block {
    struct Block *next;
} Block;

// Stands at the beginning of its stretch. Class c is for blocks of (c + 1) * GRAIN bytes.
typedef struct {
    lua_Alloc before;
    void *context;        // of `before`
    char *fresh, *end;    // what no block was cut from yet
    Block *free[CLASSES]; // last freed, first taken: it is still in the cache
} Heap;

static inline size_t class_of(size_t size) {
    return (size - 1) / GRAIN;
}

static inline bool is_own(const Heap *heap, const void *block) {
    return (uintptr_t)block - (uintptr_t)heap < STRETCH;
}

static inline void give(Heap *heap, void *block, size_t size) {
    Block *freed = block;
    freed->next = heap->free[class_of(size)];
    heap->free[class_of(size)] = freed;
}

static void *cut(Heap *heap, size_t class) {
    size_t size = (class + 1) * GRAIN;
    if ((size_t)(heap->end - heap->fresh) < size) return NULL;
    void *block = heap->fresh;
    heap->fresh += size;
    return block;
}

static inline void *take(Heap *heap, size_t size) {
    size_t class = class_of(size);
    Block *block = heap->free[class];
    if (!block) return cut(heap, class);
    heap->free[class] = block->next;
    return block;
}

// A small block that changes its size, or its place.
static void *move(Heap *heap, void *block, size_t from, size_t to) {
    if (to <= LARGEST && class_of(from) == class_of(to)) return block;
    void *moved = to <= LARGEST ? take(heap, to) : heap->before(heap->context, NULL, LUA_TNIL, to);
    if (!moved) return NULL;
    memcpy(moved, block, from < to ? from : to);
    give(heap, block, from);
    return moved;
}

static void *heap_alloc(void *context, void *block, size_t from, size_t to) {
    Heap *heap = context;
    if (!block) {
        if (to - 1 < LARGEST) return take(heap, to);
    } else if (is_own(heap, block)) {
        if (to) return move(heap, block, from, to);
        give(heap, block, from);
        return NULL;
    }
    return heap->before(heap->context, block, from, to);
}

static Heap *reserve(void) {
    void *stretch = sys.mmap(NULL, STRETCH, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stretch == MAP_FAILED) return NULL;
    Heap *heap = stretch;
    *heap = (Heap){.fresh = (char *)stretch + sizeof *heap, .end = (char *)stretch + STRETCH};
    return heap;
}

// A collection looks at all that is young. The collector starts one when so
// many percent were added, which is too often for a small heap and too rarely
// for one with much that is inherited.
static void pace(lua_State *L) {
    int kilobytes = lua_gc(L, LUA_GCCOUNT);
    int percent = kilobytes ? (int)(STEP / 10.24 / kilobytes) : LARGEST_MULTIPLIER;
    if (percent > LARGEST_MULTIPLIER) percent = LARGEST_MULTIPLIER;
    lua_gc(L, LUA_GCGEN, percent > 1 ? percent : 1, 100 + 4 * percent);
    lua_gc(L, LUA_GCSTEP,
           0); // Lua 5.4.4 heeds this only after a collection: all is old, it is cheap
}

// Entering generational mode makes all that there is old. In a state that was in that
// mode few objects are young, and those have grown old after a few collections.
void heap_grow_old(lua_State *L) {
    if (lua_gc(L, LUA_GCGEN, 0, 0) != LUA_GCGEN) return;
    for (int i = 0; i < STEPS_TO_AGE; i++) lua_gc(L, LUA_GCSTEP, 0);
}

void heap_age(lua_State *L) {
    heap_grow_old(L);
    order_free_blocks();
}

void heap_begin(lua_State *L) {
    Heap *heap = reserve();
    if (!heap) return;
    heap->before = lua_getallocf(L, &heap->context);
    lua_setallocf(L, heap_alloc, heap);
}

void heap_renew(lua_State *L) {
    heap_begin(L);
    pace(L);
}

#else

void heap_age(lua_State *L) {
    lua_gc(L, LUA_GCCOLLECT, 0);
    order_free_blocks();
}

void heap_grow_old(lua_State *L) {
    (void)L;
}

void heap_begin(lua_State *L) {
    (void)L;
}

void heap_renew(lua_State *L) {
    (void)L;
}

#endif
