/* Ring - a queue of items, bytes of any size, that many processes put and take.
 *
 * It lives in a segment, and makes that greater when items do not fit:
 *
 *     header                         data
 *     +-------+--------+-----+-----+--------------------------------------+
 *     | mutex | bells  |  A  |  B  |  ... item item item ...              |
 *     +-------+--------+-----+-----+--------------------------------------+
 *                                       ^ head, and `used` bytes from there,
 *                                         round the end of the data
 *
 * An item is its size (8 bytes) and its bytes. A and B are two copies of the state: where items
 * begin, how much there is and how many. One of them counts, as a word says; a change fills the
 * other one and then turns the word. That is all that a process can be killed before or after:
 * there is nothing to repair. An item that a process had taken when it was killed is lost with it,
 * no other is.
 *
 * All calls take the segment, which belongs to this process, and who this process is; they may map
 * the segment anew. */
#ifndef PARALLEL_LUA_SYNC_RING_H
#define PARALLEL_LUA_SYNC_RING_H

#include <stdbool.h>
#include <stddef.h>

#include "core/os/segment.h"
#include "core/sync/party.h"

enum { RING_SMALLEST = 16384 }; // bytes that a segment must have to become a ring

typedef struct {
    uint64_t items;      // in the ring
    uint64_t limit;      // that there may be; 0: any number
    uint64_t unfinished; // items put for which nobody said ring_done
    bool closed;
} RingStatus;

/* Makes an empty ring of a zeroed segment. */
void ring_make(Segment *segment, uint64_t limit);

/* Puts one item; when this returns 1 it can be taken. 0 when there was no room until the
 * deadline. -1 with errno: EPIPE when the ring is closed, ENOMEM, EINTR. */
int ring_put(Segment *segment, Party me, const void *bytes, size_t size, uint64_t deadline);

/* Takes the first item into `bytes`, which has room for `room` bytes. 1 and its size, 0 when there
 * was none until the deadline. -1 with errno: EPIPE when the ring is closed and empty; EMSGSIZE
 * when the item is greater, which then stays, and *size tells what it needs; ENOMEM, EINTR. */
int ring_take(Segment *segment, Party me, void *bytes, size_t room, size_t *size,
              uint64_t deadline);

/* One item that was taken is done with. 0, or -1: ERANGE when all that were put are already, EINTR.
 */
int ring_done(Segment *segment, Party me);

/* Waits until all items that were put are done with. 1, 0 when the deadline passed, -1 with EINTR.
 */
int ring_join(Segment *segment, Party me, uint64_t deadline);

/* From now on nothing can be put; what is in it can be taken. Wakes all that wait. */
int ring_close(Segment *segment, Party me);

/* 0, or -1 with EINTR. */
int ring_status(Segment *segment, Party me, RingStatus *status);

#endif
