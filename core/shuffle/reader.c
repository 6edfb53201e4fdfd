#include "core/shuffle/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/os/sys.h"

enum {
    CHUNK = 128 << 10,   // a read; with what is left of the last one it fits the level 2 cache
    OVERRUN = 4 << 10,   // read past the split's end at once, for the rest of its last record
    BLOCK = 1 << 20,     // the least size of a "block"
    MOST_KEPT = 4 << 20, // a buffer grown beyond this by a long record is not kept
};

static bool is_named(const char *name, size_t size, const char *literal) {
    return size == strlen(literal) && memcmp(name, literal, size) == 0;
}

RecordKind record_kind(const char *name, size_t size) {
    if (is_named(name, size, "line")) return (RecordKind){"\n", 1, 1, false, false};
    if (is_named(name, size, "block")) return (RecordKind){"\n", 1, BLOCK, true, false};
    if (is_named(name, size, "paragraph")) return (RecordKind){"\n\n", 2, 1, false, true};
    if (is_named(name, size, "file")) return (RecordKind){NULL, 0, 1, false, false};
    return (RecordKind){name, size, 1, false, false};
}

bool record_kind_splits(const RecordKind *kind) {
    if (!kind->separator || kind->gathered) return kind->gathered;
    for (size_t n = 1; n < kind->size; n++)
        if (memcmp(kind->separator, kind->separator + kind->size - n, n) == 0) return false;
    return true;
}

// Moves on in the file by bytes that are in the buffer.
static void advance(Reader *reader, size_t size) {
    buffer_consume(&reader->buffer, size);
    reader->position += size;
}

// Called when no whole record is left, so that what moves is part of one and
// moves but once.
static void slide_to_start(Buffer *buffer) {
    if (!buffer->start) return;
    size_t size = buffer_size(buffer);
    memmove(buffer->data, buffer_bytes(buffer), size);
    buffer->start = 0;
    buffer->end = size;
}

// How much to read at once: past the split's end, no more than a record may need.
static size_t appetite(const Reader *reader) {
    size_t size = buffer_size(&reader->buffer);
    uint64_t end = reader->position + size;
    if (end < reader->limit) {
        uint64_t left = reader->limit - end;
        return left < CHUNK - OVERRUN ? (size_t)left + OVERRUN : CHUNK;
    }
    if (size < OVERRUN) return OVERRUN;
    return size < CHUNK ? size : CHUNK;
}

// Another program may have made a pipe that we share non-blocking.
static int wait_for_more(int fd) {
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return sys.poll(&ready, 1, -1) == -1 && errno != EINTR ? -1 : 0;
}

static ssize_t read_some(Reader *reader, char *bytes, size_t size) {
    uint64_t at = reader->position + buffer_size(&reader->buffer);
    for (;;) {
        ssize_t n = reader->streams ? sys.read(reader->fd, bytes, size)
                                    : sys.pread(reader->fd, bytes, size, (off_t)at);
        if (n >= 0) return n;
        if (errno == ESPIPE && !reader->streams && at == 0) {
            reader->streams = true;
        } else if (errno == EAGAIN) {
            if (wait_for_more(reader->fd) == -1) return -1;
        } else if (errno != EINTR) {
            return -1;
        }
    }
}

// Adds bytes to the buffer, or finds that the file has ended.
static int fill(Reader *reader) {
    size_t size = appetite(reader);
    slide_to_start(&reader->buffer);
    if (buffer_reserve(&reader->buffer, size) == -1) return -1;
    ssize_t n = read_some(reader, buffer_tail(&reader->buffer), size);
    if (n == -1) return -1;
    buffer_added(&reader->buffer, (size_t)n);
    reader->ended = n == 0;
    return 0;
}

// The first separator that begins at or after `from`, or NULL.
static const char *find_separator(const Reader *reader, size_t from) {
    const RecordKind *kind = &reader->kind;
    size_t size = buffer_size(&reader->buffer);
    if (!kind->separator || size <= from) return NULL;
    const char *bytes = buffer_bytes(&reader->buffer) + from;
    if (kind->size == 1) return memchr(bytes, kind->separator[0], size - from);
    return memmem(bytes, size - from, kind->separator, kind->size);
}

// Where to go on searching when more was read: a separator may be cut in two.
static size_t searched(const Reader *reader, size_t from) {
    size_t size = buffer_size(&reader->buffer);
    if (!reader->kind.separator) return size;
    size_t tail = reader->kind.size - 1;
    return size > from + tail ? size - tail : from;
}

static int skip_newlines(Reader *reader) {
    while (!reader->ended && reader->position < reader->limit) {
        Buffer *buffer = &reader->buffer;
        while (buffer_size(buffer) && *buffer_bytes(buffer) == '\n') advance(reader, 1);
        if (buffer_size(buffer)) return 0;
        if (fill(reader) == -1) return -1;
    }
    return 0;
}

// Drops the rest of a record of the split before, as it is read. It may end
// after this split does; then nothing is ours, and there is no need to see.
static int skip_record(Reader *reader) {
    while (reader->position < reader->limit) {
        const char *found = find_separator(reader, 0);
        if (found) {
            size_t size = (size_t)(found - buffer_bytes(&reader->buffer));
            advance(reader, size + reader->kind.size);
            return 0;
        }
        advance(reader, searched(reader, 0));
        if (reader->ended) break;
        if (fill(reader) == -1) return -1;
    }
    reader->limit = 0;
    return 0;
}

static int find_first_record(Reader *reader, uint64_t offset) {
    if (reader->kind.gathered && skip_newlines(reader) == -1) return -1;
    return reader->position < offset ? skip_record(reader) : 0;
}

static uint64_t split_end(const RecordKind *kind, uint64_t offset, uint64_t length) {
    if (!kind->separator && offset) return 0; // the one record began before
    return kind->separator && length < UINT64_MAX - offset ? offset + length : UINT64_MAX;
}

static void begin(Reader *reader, uint64_t offset, uint64_t length, RecordKind kind) {
    reader_close(reader);
    reader->kind = kind;
    reader->streams = reader->ended = false;
    reader->position = offset < kind.size ? 0 : offset - kind.size;
    reader->limit = split_end(&kind, offset, length);
}

int reader_open(Reader *reader, const char *path, uint64_t offset, uint64_t length,
                RecordKind kind) {
    begin(reader, offset, length, kind);
    do reader->fd = sys.open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
    while (reader->fd == -1 && errno == EINTR); // a pipe waits for its writer
    if (reader->fd == -1) return -1;
    if (find_first_record(reader, offset) == 0) return 0;
    reader_close(reader);
    return -1;
}

int reader_attach(Reader *reader, int fd, RecordKind kind) {
    begin(reader, 0, UINT64_MAX, kind);
    reader->streams = true;
    reader->fd = sys.fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return reader->fd == -1 ? -1 : 0;
}

int reader_piece(Reader *reader, int fd, uint64_t offset, uint64_t length, RecordKind kind) {
    begin(reader, 0, UINT64_MAX, kind);
    reader->position = offset;
    reader->limit = offset + length;
    reader->fd = sys.fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return reader->fd == -1 ? -1 : 0;
}

// Where in the next record the separator that ends it may first stand: in one
// of many pieces, when it is large enough, or its last piece of this split has begun.
static size_t first_place_of_separator(const Reader *reader) {
    uint64_t left = reader->limit - reader->position;
    return (left < reader->kind.least ? (size_t)left : reader->kind.least) - 1;
}

// 1: the record at the buffer's start has *size bytes, and takes *whole with
// its separator; 0: the text has ended; -1.
static int find_record(Reader *reader, size_t *size, size_t *whole) {
    size_t from = first_place_of_separator(reader);
    const char *found;
    while (!(found = find_separator(reader, from))) {
        if (reader->ended) return 0;
        from = searched(reader, from);
        if (fill(reader) == -1) return -1;
    }
    *size = (size_t)(found - buffer_bytes(&reader->buffer));
    *whole = *size + reader->kind.size;
    if (reader->kind.kept) *size = *whole;
    return 1;
}

// What no separator ends. Only a whole file is a record even if it is empty.
static int last_record(Reader *reader, size_t *size, size_t *whole) {
    *size = *whole = buffer_size(&reader->buffer);
    if (reader->kind.gathered && *size && buffer_bytes(&reader->buffer)[*size - 1] == '\n') --*size;
    reader->limit = 0;
    return *whole > 0 || !reader->kind.separator;
}

int reader_next(Reader *reader, const char **record, size_t *size, uint64_t *offset) {
    if (reader->kind.gathered && skip_newlines(reader) == -1) return -1;
    if (reader->position >= reader->limit) return 0;
    size_t whole;
    int got = find_record(reader, size, &whole);
    if (got == 0) got = last_record(reader, size, &whole);
    if (got != 1) return got;
    *record = buffer_bytes(&reader->buffer);
    *offset = reader->position;
    advance(reader, whole);
    return 1;
}

int reader_line(Reader *reader, const char **line, size_t *size) {
    RecordKind kind = reader->kind;
    uint64_t limit = reader->limit, offset;
    reader->kind = record_kind("line", strlen("line"));
    reader->limit = UINT64_MAX;
    int got = reader_next(reader, line, size, &offset);
    reader->kind = kind;
    reader->limit = limit;
    return got;
}

void reader_release(Reader *reader) {
    Buffer *buffer = &reader->buffer;
    if (!buffer_size(buffer) && buffer->capacity > MOST_KEPT) buffer_free(buffer);
}

void reader_close(Reader *reader) {
    int saved = errno;
    if (reader->fd != -1) close(reader->fd);
    errno = saved;
    reader->fd = -1;
    reader->limit = 0;
    buffer_clear(&reader->buffer);
    reader_release(reader);
}

void reader_free(Reader *reader) {
    reader_close(reader);
    buffer_free(&reader->buffer);
}
