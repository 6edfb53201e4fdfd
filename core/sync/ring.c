#include "core/sync/ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "core/os/fault.h"
#include "core/os/sys.h"
#include "core/sync/mutex.h"

typedef struct {
    uint64_t capacity; // bytes of data that are used as a ring
    uint64_t head;     // where the first item begins
    uint64_t used;     // bytes of items
    uint64_t items;
    uint64_t unfinished;
    uint64_t closed;
} State;

typedef struct {
    Mutex mutex;
    Bell filled, freed, finished;
    uint64_t limit;
    _Atomic uint32_t current; // which of the states counts
    State states[2];
} Header;

typedef uint64_t ItemSize;

enum {
    DATA = 512,      // where data begin
    MUCH = 16 << 20, // bytes that an empty ring does not keep
};

_Static_assert(sizeof(Header) <= DATA, "the header must fit before the data");

// How long a moment's work of others is waited for, whatever the deadline.
#define PATIENCE (1000 * (uint64_t)NS_PER_MS)

static Header *header(const Segment *segment) {
    return segment->bytes;
}

static char *data(const Segment *segment) {
    return (char *)segment->bytes + DATA;
}

static State *state(const Segment *segment) {
    Header *ring = header(segment);
    return &ring->states[atomic_load(&ring->current)];
}

void ring_make(Segment *segment, uint64_t limit) {
    header(segment)->limit = limit;
    state(segment)->capacity = segment->size - DATA;
}

// ---- changes ---------------------------------------------------------------

// Writes the copy of the state that does not count.
static void prepare(const Segment *segment, const State *next) {
    Header *ring = header(segment);
    ring->states[!atomic_load(&ring->current)] = *next;
}

// From here on it is the one that counts.
static void commit(const Segment *segment) {
    Header *ring = header(segment);
    atomic_store(&ring->current, !atomic_load(&ring->current));
}

static void unlock(const Segment *segment, Party me) {
    mutex_release(&header(segment)->mutex, me);
}

// Another process may have made it greater.
static int see_all(Segment *segment) {
    if (DATA + state(segment)->capacity <= segment->size) return 0;
    return segment_refresh(segment);
}

// 1, or -1 with EINTR or why the segment cannot be mapped. A deadline is not for this: the mutex
// is held for moments.
static int lock(Segment *segment, Party me) {
    Mutex *mutex = &header(segment)->mutex;
    int locked = mutex_try(mutex, me);
    while (!locked) locked = mutex_acquire(mutex, me, clock_now() + PATIENCE);
    if (locked == -1) return -1;
    if (see_all(segment) == 0) return 1;
    int saved = errno;
    unlock(segment, me);
    errno = saved;
    return -1;
}

// ---- bytes -----------------------------------------------------------------

static uint64_t place_of(const State *ring, uint64_t offset) {
    uint64_t place = ring->head + offset;
    return place < ring->capacity ? place : place - ring->capacity;
}

// How many of the bytes lie before the end of the data.
static size_t before_end(const State *ring, uint64_t place, size_t size) {
    uint64_t left = ring->capacity - place;
    return size < left ? size : (size_t)left;
}

static void copy_in(const Segment *segment, const State *ring, uint64_t offset, const void *bytes,
                    size_t size) {
    uint64_t place = place_of(ring, offset);
    size_t first = before_end(ring, place, size);
    memcpy(data(segment) + place, bytes, first);
    if (size > first) memcpy(data(segment), (const char *)bytes + first, size - first);
}

static void copy_out(const Segment *segment, const State *ring, uint64_t offset, void *bytes,
                     size_t size) {
    uint64_t place = place_of(ring, offset);
    size_t first = before_end(ring, place, size);
    memcpy(bytes, data(segment) + place, first);
    if (size > first) memcpy((char *)bytes + first, data(segment), size - first);
}

// Makes room for so many bytes more. What had gone round the end is moved to where the data now go
// on, which nobody reads before the new state counts.
static int grow(Segment *segment, State *next, uint64_t more) {
    uint64_t capacity = next->capacity * 2;
    while (capacity - next->used < more) capacity *= 2;
    if (segment_grow(segment, DATA + capacity) == -1) return -1;
    FAULT("queue.grow");
    uint64_t end = next->head + next->used;
    if (end > next->capacity)
        memcpy(data(segment) + next->capacity, data(segment), end - next->capacity);
    next->capacity = capacity;
    return 0;
}

// ---- putting ---------------------------------------------------------------

static int append(Segment *segment, const void *bytes, ItemSize size) {
    State next = *state(segment);
    uint64_t more = sizeof size + size;
    if (next.capacity - next.used < more && grow(segment, &next, more) == -1) return -1;
    copy_in(segment, &next, next.used, &size, sizeof size);
    copy_in(segment, &next, next.used + sizeof size, bytes, size);
    next.used += more;
    next.items++;
    next.unfinished++;
    FAULT("queue.put.copied");
    prepare(segment, &next);
    FAULT("queue.put.prepared");
    commit(segment);
    FAULT("queue.put.commit");
    return 1;
}

static bool is_full(const Segment *segment) {
    uint64_t limit = header(segment)->limit;
    return limit && state(segment)->items >= limit;
}

// 1 when it was put, 0 when it is to be waited for a ring after *heard, or -1.
static int try_to_put(Segment *segment, Party me, const void *bytes, size_t size, uint32_t *heard) {
    if (lock(segment, me) == -1) return -1;
    int result = 0;
    if (state(segment)->closed) {
        errno = EPIPE;
        result = -1;
    } else if (is_full(segment)) {
        *heard = bell_listen(&header(segment)->freed);
    } else {
        result = append(segment, bytes, size);
    }
    int saved = errno;
    unlock(segment, me);
    if (result == 1) bell_ring(&header(segment)->filled, 1);
    errno = saved;
    return result;
}

int ring_put(Segment *segment, Party me, const void *bytes, size_t size, uint64_t deadline) {
    FAULT("queue.put.begin");
    for (int woken = BELL_RUNG;;) {
        uint32_t heard;
        int put = try_to_put(segment, me, bytes, size, &heard);
        if (put) return put;
        if (woken == BELL_LATE) return 0;
        woken = bell_wait(&header(segment)->freed, heard, deadline);
        if (woken == -1) return -1;
    }
}

// ---- taking ----------------------------------------------------------------

// An empty ring begins anew: with the same few pages, and without those of a great crowd.
static void rewind_empty(State *next) {
    next->head = 0;
    if (next->capacity > MUCH) next->capacity = RING_SMALLEST - DATA;
}

// Gives back the memory of all that the ring does not use now.
static void trim(const Segment *segment) {
    sys.madvise((char *)segment->bytes + RING_SMALLEST, segment->size - RING_SMALLEST, MADV_REMOVE);
}

static int remove_first(const Segment *segment, void *bytes, size_t room, size_t *size) {
    State next = *state(segment);
    ItemSize item;
    copy_out(segment, &next, 0, &item, sizeof item);
    *size = item;
    if (item > room) {
        errno = EMSGSIZE;
        return -1;
    }
    copy_out(segment, &next, sizeof item, bytes, item);
    next.head = place_of(&next, sizeof item + item);
    next.used -= sizeof item + item;
    next.items--;
    bool great = next.capacity > MUCH;
    if (next.used == 0) rewind_empty(&next);
    FAULT("queue.get.copied");
    prepare(segment, &next);
    FAULT("queue.get.prepared");
    commit(segment);
    FAULT("queue.get.commit");
    if (great && next.used == 0) trim(segment);
    return 1;
}

// As try_to_put.
static int try_to_take(Segment *segment, Party me, void *bytes, size_t room, size_t *size,
                       uint32_t *heard) {
    if (lock(segment, me) == -1) return -1;
    int result = 0;
    if (state(segment)->items) {
        result = remove_first(segment, bytes, room, size);
    } else if (state(segment)->closed) {
        errno = EPIPE;
        result = -1;
    } else {
        *heard = bell_listen(&header(segment)->filled);
    }
    int saved = errno;
    unlock(segment, me);
    if (result == 1 && header(segment)->limit) bell_ring(&header(segment)->freed, 1);
    errno = saved;
    return result;
}

int ring_take(Segment *segment, Party me, void *bytes, size_t room, size_t *size,
              uint64_t deadline) {
    FAULT("queue.get.begin");
    for (int woken = BELL_RUNG;;) {
        uint32_t heard;
        int taken = try_to_take(segment, me, bytes, room, size, &heard);
        if (taken) return taken;
        if (woken == BELL_LATE) return 0;
        woken = bell_wait(&header(segment)->filled, heard, deadline);
        if (woken == -1) return -1;
    }
}

// ---- the rest --------------------------------------------------------------

int ring_done(Segment *segment, Party me) {
    if (lock(segment, me) == -1) return -1;
    State next = *state(segment);
    bool some = next.unfinished > 0;
    if (some) {
        next.unfinished--;
        prepare(segment, &next);
        commit(segment);
        FAULT("queue.done.commit");
    }
    unlock(segment, me);
    if (some && next.unfinished == 0) bell_ring(&header(segment)->finished, BELL_ALL);
    if (!some) errno = ERANGE;
    return some ? 0 : -1;
}

int ring_join(Segment *segment, Party me, uint64_t deadline) {
    for (int woken = BELL_RUNG;;) {
        if (lock(segment, me) == -1) return -1;
        uint32_t heard = bell_listen(&header(segment)->finished);
        bool all = state(segment)->unfinished == 0;
        unlock(segment, me);
        if (all || woken == BELL_LATE) return all;
        woken = bell_wait(&header(segment)->finished, heard, deadline);
        if (woken == -1) return -1;
    }
}

int ring_close(Segment *segment, Party me) {
    if (lock(segment, me) == -1) return -1;
    State next = *state(segment);
    next.closed = true;
    prepare(segment, &next);
    commit(segment);
    unlock(segment, me);
    bell_ring(&header(segment)->filled, BELL_ALL);
    bell_ring(&header(segment)->freed, BELL_ALL);
    return 0;
}

int ring_status(Segment *segment, Party me, RingStatus *status) {
    if (lock(segment, me) == -1) return -1;
    const State *now = state(segment);
    *status = (RingStatus){.items = now->items,
                           .limit = header(segment)->limit,
                           .unfinished = now->unfinished,
                           .closed = now->closed != 0};
    unlock(segment, me);
    return 0;
}
