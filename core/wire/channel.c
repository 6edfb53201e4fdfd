#include "core/wire/channel.h"

#include <errno.h>

#include "core/os/descriptor.h"

// Room made for a read. A payload that announces more is believed only as its
// bytes arrive: never more than this much memory is taken on its word.
enum { PIECE = 64 * 1024, LARGE_PIECE = 1024 * 1024 };

int channel_pair(Channel *a, Channel *b) {
    *a = *b = CHANNEL_CLOSED;
    if (descriptor_pipe(&a->in, &b->out) == -1) goto fail;
    if (descriptor_pipe(&b->in, &a->out) == -1) goto fail;
    return 0;

fail:
    channel_close(a);
    channel_close(b);
    return -1;
}

int channel_unblock(Channel *channel) {
    return descriptor_unblock(channel->in) == -1 ? -1 : descriptor_unblock(channel->out);
}

int channel_queue(Channel *channel, FrameHeader header, const void *payload) {
    if (header.size > SIZE_MAX / 4) {
        errno = ENOMEM;
        return -1;
    }
    if (buffer_reserve(&channel->outgoing, sizeof header + header.size) == -1) return -1;
    frame_seal(&header);
    buffer_append(&channel->outgoing, &header, sizeof header); // cannot fail: reserved
    buffer_append(&channel->outgoing, payload, header.size);
    return 0;
}

int channel_flush(Channel *channel) {
    Buffer *out = &channel->outgoing;
    if (buffer_size(out) == 0) return 1;
    ssize_t count = descriptor_write_quietly(channel->out, buffer_bytes(out), buffer_size(out),
                                             &channel->masked);
    if (count == -1) return -1;
    buffer_consume(out, (size_t)count);
    return buffer_size(out) == 0;
}

static size_t missing(const Buffer *in) {
    FrameHeader header;
    if (buffer_size(in) < sizeof header) return 0;
    memcpy(&header, buffer_bytes(in), sizeof header);
    size_t got = buffer_size(in) - sizeof header;
    return header.size > got ? header.size - got : 0;
}

int channel_fill(Channel *channel) {
    Buffer *in = &channel->incoming;
    size_t wanted = missing(in);
    if (buffer_reserve(in, wanted > PIECE ? LARGE_PIECE : PIECE) == -1) return -1;
    ssize_t count = descriptor_read(channel->in, buffer_tail(in), in->capacity - in->end);
    if (count <= 0) return (int)count;
    buffer_added(in, (size_t)count);
    return 1;
}

int channel_peek(const Channel *channel, Frame *frame) {
    const Buffer *in = &channel->incoming;
    if (buffer_size(in) < sizeof frame->header) return 0;
    memcpy(&frame->header, buffer_bytes(in), sizeof frame->header);
    if (!frame_is_sound(&frame->header)) {
        errno = EPROTO;
        return -1;
    }
    frame->payload = buffer_bytes(in) + sizeof frame->header;
    return buffer_size(in) - sizeof frame->header >= frame->header.size;
}

void channel_pass(Channel *channel, const Frame *frame) {
    buffer_consume(&channel->incoming, sizeof frame->header + frame->header.size);
}

void channel_close(Channel *channel) {
    descriptor_close(&channel->in);
    descriptor_close(&channel->out);
    buffer_free(&channel->incoming);
    buffer_free(&channel->outgoing);
}
