/* Channel - frames both ways over two pipes, with a buffer for each direction.
 *
 * One kind serves both ends. The parent's descriptors do not block: it queues,
 * flushes what fits, and goes on. A worker's do: it fills until a frame is
 * whole and flushes until all is out. */
#ifndef PARALLEL_LUA_WIRE_CHANNEL_H
#define PARALLEL_LUA_WIRE_CHANNEL_H

#include <stdbool.h>

#include "core/wire/buffer.h"
#include "core/wire/frame.h"

typedef struct {
    int in, out; // -1: closed
    Buffer incoming, outgoing;
    bool masked; // see descriptor_write_quietly
} Channel;

#define CHANNEL_CLOSED ((Channel){.in = -1, .out = -1})

/* Makes two channels, each the other's counterpart. 0, or -1 with both closed. */
int channel_pair(Channel *a, Channel *b);

/* The calls below that move bytes return EAGAIN instead of waiting. 0 or -1. */
int channel_unblock(Channel *channel);

/* Puts a frame with this payload behind those that wait to be flushed. 0, or
 * -1 with ENOMEM and nothing queued. */
int channel_queue(Channel *channel, FrameHeader header, const void *payload);

/* Writes one piece of what is queued. 1: all is out; 0: some is left;
 * -1: EAGAIN, or EPIPE when nobody reads any more. Never raises SIGPIPE. */
int channel_flush(Channel *channel);

/* Reads one piece of what has come. 1: bytes came; 0: the other end is closed;
 * -1: EAGAIN, or why reading failed. */
int channel_fill(Channel *channel);

/* 1: *frame is the next whole frame, good until channel_pass or channel_fill;
 * 0: it is not complete yet; -1 with EPROTO: what came is no frame. */
int channel_peek(const Channel *channel, Frame *frame);

/* Done with the frame that channel_peek gave. */
void channel_pass(Channel *channel, const Frame *frame);

/* Closes both descriptors and frees both buffers; twice is harmless. */
void channel_close(Channel *channel);

#endif
