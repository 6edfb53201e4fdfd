#include "core/wire/channel.h"

#include <errno.h>
#include <sys/socket.h>

#include "core/os/descriptor.h"
#include "core/os/fault.h"

// Room made for a read. A payload that announces more is believed only as its
// bytes arrive: never more than this much memory is taken on its word.
enum { PIECE = 64 * 1024, LARGE_PIECE = 1024 * 1024 };

// A frame with handles that waits to leave.
typedef struct {
    uint64_t at; // its first byte, counted as `sent` is
    size_t count;
} Departure;

int channel_pair(Channel *a, Channel *b) {
    *a = *b = CHANNEL_CLOSED;
    return descriptor_socketpair(&a->fd, &b->fd);
}

int channel_unblock(Channel *channel) {
    return descriptor_unblock(channel->fd);
}

// ---- sending

// A frame with handles is about to be queued.
static int queue_handles(Channel *channel, const int *handles, size_t count) {
    Departure departure = {.at = channel->sent + buffer_size(&channel->outgoing), .count = count};
    if (buffer_reserve(&channel->departures, sizeof departure) == -1) return -1;
    if (handles_add_copies(&channel->leaving, handles, count) == -1) return -1;
    return buffer_append(&channel->departures, &departure, sizeof departure); // reserved
}

int channel_queue(Channel *channel, FrameHeader header, const void *payload, const int *handles) {
    if (header.size > SIZE_MAX / 4) {
        errno = ENOMEM;
        return -1;
    }
    if (buffer_reserve(&channel->outgoing, sizeof header + header.size) == -1) return -1;
    if (header.handles && queue_handles(channel, handles, header.handles) == -1) return -1;
    frame_seal(&header);
    buffer_append(&channel->outgoing, &header, sizeof header); // cannot fail: reserved
    buffer_append(&channel->outgoing, payload, header.size);
    return 0;
}

// The first frame with handles that has not left; count 0 when there is none.
static Departure next_departure(const Channel *channel) {
    Departure departure = {.at = UINT64_MAX};
    if (buffer_size(&channel->departures) > 0)
        memcpy(&departure, buffer_bytes(&channel->departures), sizeof departure);
    return departure;
}

static void departed(Channel *channel, size_t count) {
    buffer_consume(&channel->departures, sizeof(Departure));
    handles_drop(&channel->leaving, count);
}

// What is ahead of a frame with handles leaves first, then its header with them:
// so the kernel, which delivers them with the first byte of a piece, cannot be early.
int channel_flush(Channel *channel) {
    Buffer *out = &channel->outgoing;
    if (buffer_size(out) == 0) return 1;
    Departure next = next_departure(channel);
    size_t size = buffer_size(out), before = (size_t)(next.at - channel->sent);
    size_t handles = before == 0 ? next.count : 0;
    if (handles) size = sizeof(FrameHeader);
    if (before > 0 && before < size) size = before;
    ssize_t count = descriptor_send(channel->fd, buffer_bytes(out), size,
                                    handles_first(&channel->leaving), handles);
    if (count == -1) return -1;
    FAULT("channel.sent");
    channel->sent += (uint64_t)count;
    buffer_consume(out, (size_t)count);
    if (handles) departed(channel, handles);
    return buffer_size(out) == 0;
}

void channel_discard(Channel *channel) {
    buffer_clear(&channel->outgoing);
    buffer_clear(&channel->departures);
    handles_drop(&channel->leaving, handles_count(&channel->leaving));
}

// ---- receiving

static size_t missing(const Buffer *in) {
    FrameHeader header;
    if (buffer_size(in) < sizeof header) return 0;
    memcpy(&header, buffer_bytes(in), sizeof header);
    size_t got = buffer_size(in) - sizeof header;
    return header.size > got ? header.size - got : 0;
}

int channel_fill(Channel *channel) {
    Buffer *in = &channel->incoming;
    int fds[HANDLES_MOST];
    size_t handles, wanted = missing(in);
    if (buffer_reserve(in, wanted > PIECE ? LARGE_PIECE : PIECE) == -1) return -1;
    if (buffer_reserve(&channel->arrived.fds, sizeof fds) == -1) return -1;
    ssize_t count = descriptor_receive(channel->fd, buffer_tail(in), in->capacity - in->end, fds,
                                       &handles);
    if (count <= 0) return (int)count;
    FAULT("channel.received");
    handles_add(&channel->arrived, fds, handles); // cannot fail: reserved
    buffer_added(in, (size_t)count);
    return 1;
}

int channel_peek(const Channel *channel, Frame *frame) {
    const Buffer *in = &channel->incoming;
    if (buffer_size(in) < sizeof frame->header) return 0;
    memcpy(&frame->header, buffer_bytes(in), sizeof frame->header);
    if (!frame_is_sound(&frame->header) ||
        frame->header.handles > handles_count(&channel->arrived)) {
        errno = EPROTO;
        return -1;
    }
    frame->payload = buffer_bytes(in) + sizeof frame->header;
    frame->handles = handles_first(&channel->arrived);
    return buffer_size(in) - sizeof frame->header >= frame->header.size;
}

void channel_pass(Channel *channel, const Frame *frame) {
    handles_drop(&channel->arrived, frame->header.handles);
    buffer_consume(&channel->incoming, sizeof frame->header + frame->header.size);
}

// ---- ending

void channel_hang_up(Channel *channel) {
    shutdown(channel->fd, SHUT_WR); // of one that is closed: nothing
}

void channel_disown(Channel *channel) {
    channel->fd = -1;
    handles_disown(&channel->arrived);
    handles_disown(&channel->leaving);
}

void channel_close(Channel *channel) {
    descriptor_close(&channel->fd);
    handles_free(&channel->arrived);
    handles_free(&channel->leaving);
    buffer_free(&channel->departures);
    buffer_free(&channel->incoming);
    buffer_free(&channel->outgoing);
}
