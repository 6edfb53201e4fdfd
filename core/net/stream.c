#include "core/net/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "core/os/descriptor.h"
#include "core/os/fault.h"
#include "core/os/sys.h"

enum { SIZE_FIELD = 4, RECORD_MOST = 64 * 1024, RECORD_EXTRA = SIZE_FIELD + SECRET_TAG };
enum { PIECE = RECORD_MOST + RECORD_EXTRA };

// Shared by the processes that fork made of one.
typedef struct {
    _Atomic uint64_t sent, received; // records
    _Atomic int holders;
} Numbers;

struct Stream {
    StreamState state;
    bool sealed, broken; // broken: a record left in part, and its rest never will
    Secret sends, receives;
    Numbers *numbers; // of a sealed one
    Buffer record;    // is on its way out, and stands for
    size_t covers;    // so many bytes of the channel's
    bool begun;       // a part of it has left
    Buffer raw;       // what came and was not opened yet
    size_t greeting;  // bytes of a plain listener's hello that are yet to come
    unsigned char hello[HELLO_SIZE];
};

// ---- making and ending

static void take_secrets(Stream *stream, const Handshake *handshake) {
    bool serves = handshake->role == HANDSHAKE_SERVER;
    Secret client = handshake_client_secret(handshake);
    Secret server = handshake_server_secret(handshake);
    stream->sends = serves ? server : client;
    stream->receives = serves ? client : server;
    secret_wipe(&client, sizeof client);
    secret_wipe(&server, sizeof server);
}

static int number(Stream *stream) {
    void *page = sys.mmap(NULL, sizeof *stream->numbers, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return -1;
    stream->numbers = page;
    stream->numbers->holders = 1;
    return 0;
}

int stream_make(Stream **stream, const Handshake *handshake) {
    Stream *made = *stream = sys.realloc(NULL, sizeof *made);
    if (!made) return -1;
    *made = (Stream){.sealed = handshake->secret};
    if (made->sealed) {
        if (number(made) == -1) goto fail;
        take_secrets(made, handshake);
    } else if (handshake->role == HANDSHAKE_CLIENT) {
        made->greeting = HELLO_SIZE;
    }
    return 0;

fail:
    free(made);
    *stream = NULL;
    return -1;
}

StreamState stream_state(const Stream *stream) {
    return stream->state;
}

void stream_share(Stream *stream) {
    if (stream->sealed) atomic_fetch_add(&stream->numbers->holders, 1);
}

void stream_inherit(Stream *stream) {
    if (buffer_size(&stream->record) > 0) stream->broken = true;
    buffer_clear(&stream->record);
}

// ---- sending

// Reserves, seals, and takes a number: once taken the record has to leave or the stream is broken.
static int seal(Stream *stream, const void *bytes, size_t size) {
    Buffer *record = &stream->record;
    uint32_t field = htonl((uint32_t)size);
    if (buffer_reserve(record, size + RECORD_EXTRA) == -1) return -1;
    buffer_put(record, &field, sizeof field);
    uint64_t number = atomic_fetch_add(&stream->numbers->sent, 1);
    secret_seal(&stream->sends, number, &field, sizeof field, buffer_tail(record), bytes, size);
    buffer_added(record, size + SECRET_TAG);
    stream->covers = size;
    stream->begun = false;
    return 0;
}

static int give_up(Stream *stream) {
    if (descriptor_may_send_later(errno)) return -1;
    stream->broken = true;
    buffer_free(&stream->record);
    return -1;
}

// Descriptors leave with the first byte of the record.
static int send_record(Stream *stream, int fd, const int *fds, size_t count) {
    Buffer *record = &stream->record;
    while (buffer_size(record) > 0) {
        ssize_t sent = descriptor_send(fd, buffer_bytes(record), buffer_size(record), fds,
                                       stream->begun ? 0 : count);
        if (sent == -1) return give_up(stream);
        FAULT("stream.sent");
        stream->begun = true;
        buffer_consume(record, (size_t)sent);
    }
    return 0;
}

static ssize_t send_sealed(Stream *stream, int fd, const void *bytes, size_t size, const int *fds,
                           size_t count) {
    if (stream->broken) {
        errno = EPIPE;
        return -1;
    }
    if (size > RECORD_MOST) size = RECORD_MOST;
    if (buffer_size(&stream->record) == 0 && seal(stream, bytes, size) == -1) return -1;
    if (send_record(stream, fd, fds, count) == -1) return -1;
    return (ssize_t)stream->covers;
}

static ssize_t stream_send(void *context, int fd, const void *bytes, size_t size, const int *fds,
                           size_t count) {
    Stream *stream = context;
    if (stream->sealed) return send_sealed(stream, fd, bytes, size, fds, count);
    return descriptor_send(fd, bytes, size, NULL, 0);
}

// ---- receiving

// Nobody shall wait for more of it; descriptors of the socket become readable.
static int end(Stream *stream, int fd, StreamState state) {
    stream->state = state;
    buffer_free(&stream->raw);
    if (state >= STREAM_DAMAGED) shutdown(fd, SHUT_RDWR);
    return 0;
}

// 1: one was opened; 0: none is whole; -1: nothing more is to come, for the reason in *state.
static int open_record(Stream *stream, Buffer *to, StreamState *state) {
    Buffer *raw = &stream->raw;
    uint32_t field;
    if (buffer_size(raw) < RECORD_EXTRA) return 0;
    memcpy(&field, buffer_bytes(raw), sizeof field);
    size_t size = ntohl(field);
    *state = STREAM_DAMAGED;
    if (size > RECORD_MOST) return -1;
    if (buffer_size(raw) < size + RECORD_EXTRA) return 0;
    if (buffer_reserve(to, size) == -1) return 0; // is asked for again
    uint64_t number = atomic_load(&stream->numbers->received);
    if (!secret_open(&stream->receives, number, &field, sizeof field, buffer_tail(to),
                     buffer_bytes(raw) + sizeof field, size))
        return -1;
    atomic_store(&stream->numbers->received, number + 1);
    buffer_added(to, size);
    buffer_consume(raw, size + RECORD_EXTRA);
    *state = STREAM_CLOSED;
    return size > 0 ? 1 : -1;
}

static void add_handles(Handles *arrived, const int *fds, int count) {
    const int lost = HANDLES_LOST;
    handles_add(arrived, count == -1 ? &lost : fds, count == -1 ? 1 : (size_t)count);
}

static int receive_sealed(Stream *stream, int fd, Buffer *to, Handles *arrived) {
    int fds[BUNDLE_MOST], count;
    size_t before = buffer_size(to);
    if (handles_reserve(arrived, BUNDLE_MOST) == -1) return -1;
    if (buffer_reserve(&stream->raw, PIECE) == -1) return -1;
    ssize_t got = descriptor_receive(fd, buffer_tail(&stream->raw), PIECE, fds, &count);
    if (got == -1) return -1;
    if (got == 0) return end(stream, fd, STREAM_CUT_OFF);
    FAULT("stream.received");
    add_handles(arrived, fds, count);
    buffer_added(&stream->raw, (size_t)got);
    StreamState state;
    int opened;
    while ((opened = open_record(stream, to, &state)) == 1) {}
    if (opened == -1) end(stream, fd, state);
    return opened == 0 || buffer_size(to) > before;
}

// 1: it is over; 0: more of it is to come; -1: it is no hello for us.
static int check_greeting(Stream *stream, Buffer *to) {
    size_t size = buffer_size(to) < stream->greeting ? buffer_size(to) : stream->greeting;
    memcpy(stream->hello + HELLO_SIZE - stream->greeting, buffer_bytes(to), size);
    buffer_consume(to, size);
    stream->greeting -= size;
    return stream->greeting > 0 ? 0 : handshake_check_hello(stream->hello, false) == 0 ? 1 : -1;
}

// By read, to which the kernel gives no descriptors.
static int receive_plain(Stream *stream, int fd, Buffer *to) {
    if (buffer_reserve(to, PIECE) == -1) return -1;
    ssize_t got = descriptor_read(fd, buffer_tail(to), to->capacity - to->end);
    if (got == 0 || (got == -1 && errno == ECONNRESET)) return end(stream, fd, STREAM_CLOSED);
    if (got == -1) return -1;
    buffer_added(to, (size_t)got);
    if (stream->greeting == 0 || check_greeting(stream, to) != -1) return 1;
    buffer_clear(to);
    return end(stream, fd, STREAM_REFUSED);
}

static int stream_receive(void *context, int fd, Buffer *to, Handles *arrived) {
    Stream *stream = context;
    if (stream->state != STREAM_OPEN) return 0;
    if (stream->sealed) return receive_sealed(stream, fd, to, arrived);
    return receive_plain(stream, fd, to);
}

const Transport STREAM_TRANSPORT = {stream_send, stream_receive};

// ---- ending

// What was sent before may fill the socket; the kernel doubles what it is told.
static void make_room(int fd) {
    int size;
    socklen_t length = sizeof size;
    if (sys.getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length) == 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, length);
}

static void say_goodbye(Stream *stream, int fd) {
    bool last = atomic_fetch_sub(&stream->numbers->holders, 1) == 1;
    if (!last || fd == -1 || stream->broken) return;
    if (send_record(stream, fd, NULL, 0) == -1 || seal(stream, "", 0) == -1) return;
    if (send_record(stream, fd, NULL, 0) == 0 || stream->broken) return;
    make_room(fd);
    send_record(stream, fd, NULL, 0);
}

void stream_free(Stream *stream, int fd) {
    if (!stream) return;
    if (stream->sealed && fd != -1) say_goodbye(stream, fd);
    if (stream->numbers) munmap(stream->numbers, sizeof *stream->numbers);
    buffer_free(&stream->record);
    buffer_free(&stream->raw);
    secret_wipe(stream, sizeof *stream);
    free(stream);
}
