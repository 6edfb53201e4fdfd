/* Frame - one message on a pipe, as it looks there:
 *
 *      0        4      6         8           16          24
 *     +--------+------+---------+-----------+-----------+-- - - -
 *     | check  | kind | attempt |   size    |   task    | payload
 *     +--------+------+---------+-----------+-----------+-- - - -
 *
 * size counts the payload only. task and attempt are the sender's to choose
 * and come back on the reply. check is a hash of the other fields: a stray
 * write to the pipe by somebody else's code is caught at the next header
 * instead of being taken for a length. Both ends are forks of one program, so
 * integers are in host byte order. */
#ifndef PARALLEL_LUA_WIRE_FRAME_H
#define PARALLEL_LUA_WIRE_FRAME_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint32_t check;
    uint16_t kind;
    uint16_t attempt;
    uint64_t size;
    uint64_t task;
} FrameHeader;

typedef struct {
    FrameHeader header;
    const char *payload; // header.size bytes, owned by the channel
} Frame;

/* Fills in the check. */
void frame_seal(FrameHeader *header);

/* Whether the check is that of the other fields. */
bool frame_is_sound(const FrameHeader *header);

#endif
