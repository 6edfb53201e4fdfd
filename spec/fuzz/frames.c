/* Frames, fuzzed: the input is a program that makes a stream of frames and
 * sends it through a socket, in pieces of any size. What the channel gives must
 * be the frames that went in, up to where the stream was damaged. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/wire/channel.h"
#include "spec/fuzz/driver.h"

typedef struct {
    const unsigned char *at, *end; // what is left of the program
    Channel channel;               // reads
    Channel writer;                // where the stream goes in
    Buffer stream;                 // what is made and not sent yet
    Buffer frames;                 // the sound frames whose arrival is awaited
    uint64_t made;                 // number of them, which is also their task
    bool damaged;                  // no frame made from here on is awaited
    bool broken;                   // the channel said so
} Frames;

static void require(bool truth, const char *what) {
    if (truth) return;
    fprintf(stderr, "fuzz: %s\n", what);
    abort();
}

static unsigned next_byte(Frames *f) {
    return f->at < f->end ? *f->at++ : 0;
}

static uint64_t next_number(Frames *f, int bytes) {
    uint64_t n = 0;
    while (bytes-- > 0) n = n << 8 | next_byte(f);
    return n;
}

static void append(Buffer *to, const void *bytes, size_t size) {
    require(buffer_append(to, bytes, size) == 0, "out of memory");
}

static FrameHeader make_header(Frames *f, uint64_t size) {
    FrameHeader header = {.kind = (uint8_t)next_byte(f), .size = size, .task = ++f->made};
    frame_seal(&header);
    return header;
}

static void make_frame(Frames *f, size_t size) {
    FrameHeader header = make_header(f, size);
    size_t start = buffer_size(&f->stream);
    append(&f->stream, &header, sizeof header);
    for (size_t i = 0; i < size; i++) {
        char byte = (char)(next_byte(f) + i);
        append(&f->stream, &byte, 1);
    }
    if (!f->damaged)
        append(&f->frames, buffer_bytes(&f->stream) + start, buffer_size(&f->stream) - start);
}

// A sound header whose payload never comes in full.
static void make_promise(Frames *f) {
    FrameHeader header = make_header(f, next_number(f, 8));
    append(&f->stream, &header, sizeof header);
    f->damaged = true;
}

static void make_flipped(Frames *f) {
    FrameHeader header = make_header(f, 0);
    unsigned bit = next_byte(f) % (8 * sizeof header);
    ((unsigned char *)&header)[bit / 8] ^= (unsigned char)(1 << bit % 8);
    append(&f->stream, &header, sizeof header);
    f->damaged = true;
}

static void make_noise(Frames *f, size_t size) {
    for (; size > 0; size--) {
        char byte = (char)next_byte(f);
        append(&f->stream, &byte, 1);
    }
    f->damaged = true;
}

static void check_frame(Frames *f, const Frame *frame) {
    size_t size = sizeof frame->header + frame->header.size;
    if (buffer_size(&f->frames) == 0) {
        require(f->damaged, "a frame came that was never made");
        return;
    }
    require(buffer_size(&f->frames) >= size, "a frame came that is longer than it was");
    const char *made = buffer_bytes(&f->frames);
    require(memcmp(made, &frame->header, sizeof frame->header) == 0, "another header came");
    require(memcmp(made + sizeof frame->header, frame->payload, frame->header.size) == 0,
            "another payload came");
    buffer_consume(&f->frames, size);
}

static void take_frames(Frames *f) {
    Frame frame;
    int found;
    while ((found = channel_peek(&f->channel, &frame)) == 1) {
        check_frame(f, &frame);
        channel_pass(&f->channel, &frame);
    }
    if (found == 0) return;
    require(errno == EPROTO && f->damaged, "a sound stream was called damaged");
    require(buffer_size(&f->frames) == 0, "frames before the damage were lost");
    f->broken = true;
}

static void deliver(Frames *f, size_t size) {
    enum { PIPE_HOLDS = 1 << 14 };
    if (size > buffer_size(&f->stream)) size = buffer_size(&f->stream);
    if (size > PIPE_HOLDS) size = PIPE_HOLDS;
    if (size == 0 || f->broken) return;
    require(write(f->writer.fd, buffer_bytes(&f->stream), size) == (ssize_t)size,
            "the socket is full");
    buffer_consume(&f->stream, size);
    while (channel_fill(&f->channel) == 1) {}
    take_frames(f);
}

// Goes out by the channel's own hand, with some descriptors.
static void make_frame_with_handles(Frames *f, size_t count) {
    int fds[BUNDLE_MOST];
    for (size_t i = 0; i < count; i++) fds[i] = STDERR_FILENO;
    FrameHeader header = make_header(f, 0);
    header.handles = (uint8_t)count;
    frame_seal(&header); // as the channel will
    if (f->damaged) return;
    Bundle *bundle;
    require(bundle_make(&bundle, fds, count) == 0, "no descriptors");
    while (buffer_size(&f->stream) && !f->broken) deliver(f, SIZE_MAX);
    require(channel_queue(&f->writer, header, "", bundle) == 0, "out of memory");
    bundle_drop(bundle);
    while (channel_flush(&f->writer) == 0) {}
    append(&f->frames, &header, sizeof header);
    while (channel_fill(&f->channel) == 1) {}
    take_frames(f);
}

static void step(Frames *f) {
    unsigned verb = next_byte(f);
    size_t size = verb >> 3;
    switch (verb & 7) {
    case 0: return make_frame(f, size);
    case 1: return make_frame(f, size * 256);
    case 2: return make_promise(f);
    case 3: return make_flipped(f);
    case 4: return make_noise(f, size);
    case 5: return deliver(f, size * 64);
    case 6: return make_frame_with_handles(f, size);
    default: return deliver(f, size);
    }
}

// fuzz.frames(program)
int frames_fuzz(lua_State *L) {
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    Frames f = {.at = (const unsigned char *)bytes, .end = (const unsigned char *)bytes + size};
    require(channel_pair(&f.channel, &f.writer) == 0, "no socket");
    require(channel_unblock(&f.channel) == 0, "no socket that does not block");
    while (f.at < f.end) step(&f);
    while (buffer_size(&f.stream) && !f.broken) deliver(&f, SIZE_MAX);
    require(buffer_size(&f.frames) == 0, "frames were lost");
    channel_close(&f.channel);
    channel_close(&f.writer);
    buffer_free(&f.stream);
    buffer_free(&f.frames);
    return 0;
}
