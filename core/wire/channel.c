#include "core/wire/channel.h"

#include <errno.h>
#include <sys/socket.h>

#include "core/os/descriptor.h"
#include "core/os/fault.h"

// Room made for a read. A payload that announces more is believed only as its
// bytes arrive: never more than this much memory is taken on its word.
enum { PIECE = 64 * 1024, LARGE_PIECE = 1024 * 1024 };

// A frame that goes with a bundle, and waits to leave.
typedef struct {
    uint64_t at; // its first byte, counted as `sent` is
    Bundle *bundle;
} Departure;

int channel_pair(Channel *a, Channel *b) {
    *a = *b = CHANNEL_CLOSED;
    return descriptor_socketpair(&a->fd, &b->fd);
}

int channel_unblock(Channel *channel) {
    return descriptor_unblock(channel->fd);
}

// ---- sending

int channel_queue(Channel *channel, FrameHeader header, const void *payload, Bundle *bundle) {
    Departure departure = {.at = channel->sent + buffer_size(&channel->outgoing)};
    if (header.size > SIZE_MAX / 4) {
        errno = ENOMEM;
        return -1;
    }
    if (buffer_reserve(&channel->outgoing, sizeof header + header.size) == -1 ||
        (bundle && buffer_reserve(&channel->departures, sizeof departure) == -1))
        return -1;
    departure.bundle = bundle_hold(bundle);
    if (bundle) buffer_append(&channel->departures, &departure, sizeof departure);
    header.handles = (uint8_t)bundle_count(bundle);
    frame_seal(&header);
    buffer_append(&channel->outgoing, &header, sizeof header); // cannot fail: reserved
    buffer_append(&channel->outgoing, payload, header.size);
    return 0;
}

// The first frame with a bundle that has not left; far away when there is none.
static Departure next_departure(const Channel *channel) {
    Departure departure = {.at = UINT64_MAX};
    if (buffer_size(&channel->departures) > 0)
        memcpy(&departure, buffer_bytes(&channel->departures), sizeof departure);
    return departure;
}

static void depart(Channel *channel, const Departure *departure) {
    bundle_drop(departure->bundle);
    buffer_consume(&channel->departures, sizeof *departure);
}

static ssize_t send_bytes(const Channel *channel, const void *bytes, size_t size, const int *fds,
                          size_t count) {
    if (!channel->transport) return descriptor_send(channel->fd, bytes, size, fds, count);
    return channel->transport->send(channel->context, channel->fd, bytes, size, fds, count);
}

// What is ahead of a frame with a bundle leaves first, then its header with that: the
// kernel delivers descriptors with the first byte of the piece that they came with.
int channel_flush(Channel *channel) {
    Buffer *out = &channel->outgoing;
    if (buffer_size(out) == 0) return 1;
    Departure next = next_departure(channel);
    uint64_t ahead = next.at - channel->sent;
    size_t size = ahead < buffer_size(out) ? (size_t)ahead : buffer_size(out);
    const Bundle *bundle = ahead == 0 ? next.bundle : NULL;
    if (bundle) size = sizeof(FrameHeader);
    ssize_t count = send_bytes(channel, buffer_bytes(out), size, bundle ? bundle->fds : NULL,
                               bundle_count(bundle));
    if (count == -1) return -1;
    FAULT("channel.sent");
    channel->sent += (uint64_t)count;
    buffer_consume(out, (size_t)count);
    if (bundle) depart(channel, &next);
    return buffer_size(out) == 0;
}

void channel_discard(Channel *channel) {
    buffer_clear(&channel->outgoing);
    while (buffer_size(&channel->departures) > 0) {
        Departure next = next_departure(channel);
        depart(channel, &next);
    }
}

// ---- receiving

// How many bytes of the next frame are yet to come, as far as can be told.
static size_t missing(const Buffer *in) {
    FrameHeader header;
    size_t got = buffer_size(in);
    if (got < sizeof header) return sizeof header - got;
    memcpy(&header, buffer_bytes(in), sizeof header);
    got -= sizeof header;
    return header.size > got ? header.size - got : 0;
}

static int fill(Channel *channel, size_t most) {
    Buffer *in = &channel->incoming;
    int fds[BUNDLE_MOST];
    int handles;
    if (handles_reserve(&channel->arrived, BUNDLE_MOST) == -1) return -1;
    ssize_t count = descriptor_receive(channel->fd, buffer_tail(in), most, fds, &handles);
    if (count <= 0) return (int)count;
    FAULT("channel.received");
    if (handles == -1) {
        fds[0] = HANDLES_LOST;
        handles = 1;
    }
    handles_add(&channel->arrived, fds, (size_t)handles);
    buffer_added(in, (size_t)count);
    return 1;
}

static size_t piece_for(size_t wanted) {
    return wanted > PIECE ? LARGE_PIECE : PIECE;
}

static int receive(Channel *channel) {
    return channel->transport->receive(channel->context, channel->fd, &channel->incoming,
                                       &channel->arrived);
}

int channel_fill(Channel *channel) {
    if (channel->transport) return receive(channel);
    Buffer *in = &channel->incoming;
    if (buffer_reserve(in, piece_for(missing(in))) == -1) return -1;
    return fill(channel, in->capacity - in->end);
}

int channel_fill_frame(Channel *channel) {
    if (channel->transport) return receive(channel);
    Buffer *in = &channel->incoming;
    size_t wanted = missing(in), room = piece_for(wanted);
    if (wanted == 0) return 1;
    if (buffer_reserve(in, wanted < room ? wanted : room) == -1) return -1;
    room = in->capacity - in->end;
    return fill(channel, wanted < room ? wanted : room);
}

// Of those that came, how many stand for the ones of this frame.
static size_t arrived(const Channel *channel, const FrameHeader *header) {
    bool lost = header->handles && handles_count(&channel->arrived) &&
                *handles_first(&channel->arrived) == HANDLES_LOST;
    return lost ? 1 : header->handles;
}

int channel_peek(const Channel *channel, Frame *frame) {
    const Buffer *in = &channel->incoming;
    if (buffer_size(in) < sizeof frame->header) return 0;
    memcpy(&frame->header, buffer_bytes(in), sizeof frame->header);
    size_t handles = arrived(channel, &frame->header);
    if (!frame_is_sound(&frame->header) || handles > handles_count(&channel->arrived)) {
        errno = EPROTO;
        return -1;
    }
    frame->payload = buffer_bytes(in) + sizeof frame->header;
    frame->handles = handles_first(&channel->arrived);
    if (handles && *frame->handles == HANDLES_LOST) frame->handles = NULL;
    return buffer_size(in) - sizeof frame->header >= frame->header.size;
}

void channel_pass(Channel *channel, const Frame *frame) {
    handles_drop(&channel->arrived, arrived(channel, &frame->header));
    buffer_consume(&channel->incoming, sizeof frame->header + frame->header.size);
}

// ---- ending

void channel_hang_up(Channel *channel) {
    shutdown(channel->fd, SHUT_WR); // of one that is closed: nothing
}

void channel_disown(Channel *channel) {
    channel->fd = -1;
    handles_disown(&channel->arrived);
}

void channel_close(Channel *channel) {
    descriptor_close(&channel->fd);
    handles_free(&channel->arrived);
    channel_discard(channel);
    buffer_free(&channel->departures);
    buffer_free(&channel->incoming);
    buffer_free(&channel->outgoing);
}
