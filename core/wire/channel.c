#include "core/wire/channel.h"

#include <errno.h>
#include <sys/socket.h>

#include "core/os/descriptor.h"
#include "core/os/fault.h"

// Room made for a read. A large payload is given all at once, so that it is read to where it
// stays: that takes memory only as its bytes arrive. One that announces more than is likely
// is believed piece by piece.
enum { PIECE = 64 << 10, LARGE_PIECE = 1 << 20, LIKELY = 1 << 29 };

// What waits to leave where the bytes of `outgoing` have come to: a bundle with the header
// that begins there, or a tail before what is there.
typedef struct {
    uint64_t at; // counted as `sent` is
    Bundle *bundle;
    Tail tail;
} Departure;

int channel_pair(Channel *a, Channel *b) {
    *a = *b = CHANNEL_CLOSED;
    return descriptor_socketpair(&a->fd, &b->fd);
}

int channel_unblock(Channel *channel) {
    return descriptor_unblock(channel->fd);
}

// ---- sending

static uint64_t queued_to(const Channel *channel) {
    return channel->sent + buffer_size(&channel->outgoing);
}

// There is room for it.
static void add_departure(Channel *channel, Departure departure) {
    bundle_hold(departure.bundle);
    bulk_hold(departure.tail.bulk);
    buffer_put(&channel->departures, &departure, sizeof departure);
}

static int make_room(Channel *channel, size_t bytes, size_t departures) {
    if (buffer_reserve(&channel->outgoing, bytes) == -1) return -1;
    return buffer_reserve(&channel->departures, departures * sizeof(Departure));
}

int channel_queue_long(Channel *channel, FrameHeader header, const void *head, Tail tail,
                       Bundle *bundle) {
    size_t size = header.size, copied = tail.size < PIECE ? tail.size : 0;
    if (size > SIZE_MAX / 4 || tail.size > SIZE_MAX / 4) {
        errno = ENOMEM;
        return -1;
    }
    size_t departures = (size_t)(bundle != NULL) + (tail.size > copied);
    if (make_room(channel, sizeof header + size + copied, departures) == -1) return -1;
    if (bundle) add_departure(channel, (Departure){.at = queued_to(channel), .bundle = bundle});
    header.handles = (uint8_t)bundle_count(bundle);
    header.size += tail.size;
    frame_seal(&header);
    buffer_put(&channel->outgoing, &header, sizeof header);
    buffer_put(&channel->outgoing, head, size);
    buffer_put(&channel->outgoing, tail.bytes, copied);
    if (tail.size > copied)
        add_departure(channel, (Departure){.at = queued_to(channel), .tail = tail});
    return 0;
}

int channel_queue(Channel *channel, FrameHeader header, const void *payload, Bundle *bundle) {
    return channel_queue_long(channel, header, payload, (Tail){0}, bundle);
}

// The first that has not left, NULL when there is none.
static Departure *next_departure(const Channel *channel) {
    if (buffer_size(&channel->departures) == 0) return NULL;
    return (Departure *)(void *)buffer_bytes(&channel->departures);
}

static void depart(Channel *channel) {
    const Departure *departure = next_departure(channel);
    bundle_drop(departure->bundle);
    bulk_drop(departure->tail.bulk);
    buffer_consume(&channel->departures, sizeof *departure);
}

static ssize_t send_bytes(const Channel *channel, const void *bytes, size_t size, const int *fds,
                          size_t count) {
    if (!channel->transport) return descriptor_send(channel->fd, bytes, size, fds, count);
    return channel->transport->send(channel->context, channel->fd, bytes, size, fds, count);
}

static ssize_t send_tail(Channel *channel, Tail *tail) {
    ssize_t count = send_bytes(channel, tail->bytes, tail->size, NULL, 0);
    if (count == -1) return -1;
    tail->bytes += count;
    tail->size -= (size_t)count;
    if (tail->size == 0) depart(channel);
    return count;
}

static ssize_t send_queued(Channel *channel, size_t most, const Bundle *bundle) {
    Buffer *out = &channel->outgoing;
    size_t size = buffer_size(out) < most ? buffer_size(out) : most;
    ssize_t count = send_bytes(channel, buffer_bytes(out), size, bundle ? bundle->fds : NULL,
                               bundle_count(bundle));
    if (count == -1) return -1;
    channel->sent += (uint64_t)count;
    buffer_consume(out, (size_t)count);
    if (bundle) depart(channel);
    return count;
}

// What is ahead of a frame with a bundle leaves first, then its header with that: the
// kernel delivers descriptors with the first byte of the piece that they came with.
static ssize_t send_next(Channel *channel) {
    Departure *next = next_departure(channel);
    if (!next) return send_queued(channel, SIZE_MAX, NULL);
    if (next->at > channel->sent) return send_queued(channel, next->at - channel->sent, NULL);
    if (next->tail.size) return send_tail(channel, &next->tail);
    return send_queued(channel, sizeof(FrameHeader), next->bundle);
}

int channel_flush(Channel *channel) {
    if (channel_is_flushed(channel)) return 1;
    if (send_next(channel) == -1) return -1;
    FAULT("channel.sent");
    if (!channel_is_flushed(channel)) return 0;
    buffer_settle(&channel->outgoing);
    return 1;
}

void channel_discard(Channel *channel) {
    buffer_clear(&channel->outgoing);
    while (next_departure(channel)) depart(channel);
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

static size_t room_for(size_t wanted) {
    if (wanted < PIECE) return PIECE;
    return wanted <= LIKELY ? wanted : LARGE_PIECE;
}

static int receive(Channel *channel) {
    return channel->transport->receive(channel->context, channel->fd, &channel->incoming,
                                       &channel->arrived);
}

int channel_fill(Channel *channel) {
    if (channel->transport) return receive(channel);
    Buffer *in = &channel->incoming;
    if (buffer_reserve(in, room_for(missing(in))) == -1) return -1;
    return fill(channel, in->capacity - in->end);
}

int channel_fill_frame(Channel *channel) {
    if (channel->transport) return receive(channel);
    Buffer *in = &channel->incoming;
    size_t wanted = missing(in), room = room_for(wanted);
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
    buffer_settle(&channel->incoming);
}

static int copy_payload(const Frame *frame, Buffer *to) {
    buffer_clear(to);
    return buffer_append(to, frame->payload, frame->header.size);
}

// What came behind it is little, and begins a new buffer.
static int move_payload(Channel *channel, const Frame *frame, Buffer *to) {
    Buffer *in = &channel->incoming, rest = {0};
    size_t from = in->start + sizeof frame->header, behind = from + frame->header.size;
    if (buffer_append(&rest, in->data + behind, in->end - behind) == -1) return -1;
    buffer_free(to);
    *to = *in;
    to->start = from;
    to->end = behind;
    *in = rest;
    return 0;
}

int channel_take(Channel *channel, const Frame *frame, Buffer *to) {
    bool large = frame->header.size >= PIECE;
    if (!large && copy_payload(frame, to) == -1) return -1;
    if (large && move_payload(channel, frame, to) == -1) return -1;
    handles_drop(&channel->arrived, arrived(channel, &frame->header));
    if (!large) buffer_consume(&channel->incoming, sizeof frame->header + frame->header.size);
    return 0;
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
