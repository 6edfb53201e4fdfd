/* Channel - frames both ways over one socket, with a buffer for each direction.
 *
 * One kind serves both ends. The parent's does not block: it queues, flushes
 * what fits, and goes on. A worker's does: it fills until a frame is whole and
 * flushes until all is out.
 *
 * Descriptors travel with frames. They leave with the first byte of theirs, so
 * on arrival the first of those not claimed yet belong to the first frame.
 *
 * Large payloads are not copied into the buffers: what is sent stays where it is until it
 * has left, and what has come is handed over with the memory that it was read into. */
#ifndef PARALLEL_LUA_WIRE_CHANNEL_H
#define PARALLEL_LUA_WIRE_CHANNEL_H

#include "core/os/linger.h"
#include "core/wire/buffer.h"
#include "core/wire/bulk.h"
#include "core/wire/bundle.h"
#include "core/wire/frame.h"
#include "core/wire/handles.h"

/* What moves a channel's bytes in place of the socket's own calls, for who changes them on
 * the way. `context` is the channel's. */
typedef struct {
    /* As descriptor_send; after an error that is for now the same bytes are given again, and
     * maybe more. */
    ssize_t (*send)(void *context, int fd, const void *bytes, size_t size, const int *fds,
                    size_t count);
    /* Appends what has come: 1, though it may be no bytes; 0: the other end is closed; -1. */
    int (*receive)(void *context, int fd, Buffer *to, Handles *arrived);
} Transport;

typedef struct {
    int fd;                     // -1: closed
    const Transport *transport; // NULL: the socket's own calls
    void *context;              // its, and whoever made the channel owns it
    Buffer incoming, outgoing;
    Handles arrived;
    Buffer departures; // what leaves with or between the bytes of `outgoing`, see channel.c
    uint64_t sent;     // bytes that have left `outgoing` so far
    Linger linger;
} Channel;

#define CHANNEL_CLOSED ((Channel){.fd = -1})

/* Makes two channels, each the other's counterpart. 0, or -1 with both closed. */
int channel_pair(Channel *a, Channel *b);

/* The calls below that move bytes return EAGAIN instead of waiting. 0 or -1. */
int channel_unblock(Channel *channel);

/* Call it before waiting for any of `events`, as of poll. */
static inline void channel_linger(Channel *channel, short events) {
    linger(&channel->linger, channel->fd, events);
}

/* Puts a frame with this payload behind those that wait to be flushed; the bundle,
 * NULL for none, goes with it and is held till then. 0, or -1 with ENOMEM and nothing queued. */
int channel_queue(Channel *channel, FrameHeader header, const void *payload, Bundle *bundle);

/* The end of a payload; when it is large it stays where it is until it has left. */
typedef struct {
    const char *bytes;
    size_t size;
    Bulk *bulk; // that holds them, and is held till then; NULL: the caller keeps them
} Tail;

static inline Tail tail_of(Bulk *bulk) {
    return (Tail){buffer_bytes(&bulk->bytes), bulk_size(bulk), bulk};
}

/* The same for a payload whose first header.size bytes are `head` and which goes on with the tail.
 */
int channel_queue_long(Channel *channel, FrameHeader header, const void *head, Tail tail,
                       Bundle *bundle);

/* Is there nothing queued? */
static inline bool channel_is_flushed(const Channel *channel) {
    return buffer_size(&channel->outgoing) == 0 && buffer_size(&channel->departures) == 0;
}

/* Writes one piece of what is queued. 1: all is out; 0: some is left;
 * -1: EAGAIN, or EPIPE when nobody reads any more, or why writing failed for
 * now (ENOBUFS, ENOMEM, ETOOMANYREFS). Never raises SIGPIPE. */
int channel_flush(Channel *channel);

/* Drops what is queued: nobody will read it. */
void channel_discard(Channel *channel);

/* Reads one piece of what has come. 1: bytes came; 0: the other end is closed;
 * -1: EAGAIN, or why reading failed. */
int channel_fill(Channel *channel);

/* The same, but not beyond the end of the frame that comes next: so that what follows
 * it stays in the socket, for others who read from that. A transport may read further. */
int channel_fill_frame(Channel *channel);

/* 1: *frame is the next whole frame, good until channel_pass or channel_fill;
 * 0: it is not complete yet, and *frame is valid in its header if that is; -1 with EPROTO: what
 * came is no frame, or lacks descriptors. */
int channel_peek(const Channel *channel, Frame *frame);

/* Done with the frame that channel_peek gave; closes the handles that nobody took. */
void channel_pass(Channel *channel, const Frame *frame);

/* The same, and the payload is put in place of what is in `to`: when it is large, with the memory
 * that it lies in. 0, or -1 with ENOMEM and nothing done. */
int channel_take(Channel *channel, const Frame *frame, Buffer *to);

/* Nothing more will be sent, which the other end sees when it has read all that was. */
void channel_hang_up(Channel *channel);

/* The end of a channel that somebody else made, such as was handed over. */
static inline Channel channel_of(int fd) {
    return (Channel){.fd = fd};
}

/* In a copy that fork made: forgets the descriptors, which are not open here. */
void channel_disown(Channel *channel);

/* Closes the descriptors and frees the buffers; twice is harmless. */
void channel_close(Channel *channel);

#endif
