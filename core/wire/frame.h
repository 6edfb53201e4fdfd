/* Frame - one message on a socket, as it looks there:
 *
 *      0        4      5         6         8           16          24
 *     +--------+------+---------+---------+-----------+-----------+-- - - -
 *     | check  | kind | handles | attempt |   size    |   task    | payload
 *     +--------+------+---------+---------+-----------+-----------+-- - - -
 *
 * size counts the payload only. handles is the number of descriptors that come
 * with the frame, beside its bytes. task and attempt are the sender's to choose
 * and come back on the reply. check is a hash of the other fields: a stray
 * write to the socket by somebody else's code is caught at the next header
 * instead of being taken for a length. Both ends are forks of one program, so
 * integers are in host byte order. */
#ifndef PARALLEL_LUA_WIRE_FRAME_H
#define PARALLEL_LUA_WIRE_FRAME_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint32_t check;
    uint8_t kind;
    uint8_t handles;
    uint16_t attempt;
    uint64_t size;
    uint64_t task;
} FrameHeader;

typedef struct {
    FrameHeader header;
    const char *payload; // header.size bytes, owned by the channel
    int *handles;        // header.handles of them; who takes one leaves -1 in its place;
                         // NULL: they came, but this process may open no more
} Frame;

/* Fills in the check. */
void frame_seal(FrameHeader *header);

/* Whether the check is that of the other fields. */
bool frame_is_sound(const FrameHeader *header);

#endif
