#include "core/shuffle/record.h"

#include <errno.h>

#include "core/os/descriptor.h"
#include "core/os/sys.h"
#include "core/shuffle/ordered.h"

enum { WRITE_SIZE = 1 << 18, READ_SIZE = 1 << 16, LONGEST_HEADER = 2 * VARINT_MAX };

static int damaged(void) {
    errno = EBADMSG;
    return -1;
}

int region_append(const Region *region, Buffer *to) {
    if (buffer_append_varint(to, region->offset) == -1) return -1;
    if (buffer_append_varint(to, region->length) == -1) return -1;
    return buffer_append_varint(to, region->count);
}

bool region_read(const char **from, const char *end, Region *region) {
    return varint_read(from, end, &region->offset) && varint_read(from, end, &region->length) &&
           varint_read(from, end, &region->count) && region->offset <= INT64_MAX &&
           region->length <= INT64_MAX - region->offset;
}

int region_check(const Region *region, int fd) {
    struct stat info;
    if (sys.fstat(fd, &info) == -1) return -1;
    bool inside = region->offset + region->length <= (uint64_t)info.st_size;
    return inside && region->count <= region->length ? 0 : damaged();
}

int writer_open(Writer *writer, int fd) {
    struct stat info;
    if (sys.fstat(fd, &info) == -1) return -1;
    writer->fd = fd;
    writer->region = (Region){.offset = (uint64_t)info.st_size};
    buffer_clear(&writer->buffer);
    return 0;
}

void writer_begin(Writer *writer) {
    writer->region = (Region){.offset = writer->region.offset + writer->region.length};
}

int writer_flush(Writer *writer) {
    Buffer *buffer = &writer->buffer;
    size_t size = buffer_size(buffer);
    uint64_t start = writer->region.offset + writer->region.length - size;
    if (descriptor_write_at(writer->fd, buffer_bytes(buffer), size, (off_t)start) == -1) return -1;
    buffer_clear(buffer);
    return 0;
}

static int make_room(Writer *writer, size_t size) {
    if (buffer_size(&writer->buffer) + size > WRITE_SIZE && writer_flush(writer) == -1) return -1;
    if (buffer_size(&writer->buffer)) return buffer_reserve(&writer->buffer, size);
    return buffer_reserve(&writer->buffer, size > WRITE_SIZE ? size : WRITE_SIZE);
}

int record_append(Buffer *to, const char *key, size_t key_size, const char *body, size_t size) {
    if (buffer_reserve(to, LONGEST_HEADER + key_size + size) == -1) return -1;
    char *tail = varint_write(varint_write(buffer_tail(to), key_size), size);
    memcpy(tail, key, key_size);
    if (size) memcpy(tail + key_size, body, size);
    to->end = (size_t)(tail + key_size + size - to->data);
    return 0;
}

int writer_record(Writer *writer, const char *key, size_t key_size, const char *body, size_t size) {
    if (make_room(writer, LONGEST_HEADER + key_size + size) == -1) return -1;
    size_t before = buffer_size(&writer->buffer);
    if (record_append(&writer->buffer, key, key_size, body, size) == -1) return -1;
    writer->region.length += buffer_size(&writer->buffer) - before;
    writer->region.count++;
    return 0;
}

int writer_copy(Writer *writer, const char *record, size_t size) {
    if (make_room(writer, size) == -1) return -1;
    if (buffer_append(&writer->buffer, record, size) == -1) return -1;
    writer->region.length += size;
    writer->region.count++;
    return 0;
}

int writer_line(Writer *writer, const char *line, size_t size) {
    if (make_room(writer, size + 1) == -1) return -1;
    char *to = buffer_tail(&writer->buffer);
    if (size) memcpy(to, line, size);
    if (!size || line[size - 1] != '\n') to[size++] = '\n';
    buffer_added(&writer->buffer, size);
    writer->region.length += size;
    writer->region.count++;
    return 0;
}

void writer_close(Writer *writer) {
    buffer_free(&writer->buffer);
}

void cursor_open(Cursor *cursor, int fd, const Region *region) {
    cursor->fd = fd;
    cursor->offset = region->offset;
    cursor->left = region->length;
    buffer_clear(&cursor->buffer);
}

static int read_more(Cursor *cursor, size_t size) {
    ssize_t n;
    do n = sys.pread(cursor->fd, buffer_tail(&cursor->buffer), size, (off_t)cursor->offset);
    while (n == -1 && errno == EINTR);
    if (n <= 0) return n == 0 ? damaged() : -1;
    buffer_added(&cursor->buffer, (size_t)n);
    cursor->offset += (uint64_t)n;
    cursor->left -= (uint64_t)n;
    return 0;
}

// At least `size` bytes in the buffer, which the region must have; it reads
// ahead as far as the usual size of the buffer goes.
static int fill(Cursor *cursor, uint64_t size) {
    size_t have = buffer_size(&cursor->buffer);
    if (have >= size) return 0;
    if (size - have > cursor->left) return damaged();
    size_t wanted = size > READ_SIZE ? (size_t)size : READ_SIZE;
    if (wanted - have > cursor->left) wanted = have + (size_t)cursor->left;
    if (buffer_reserve(&cursor->buffer, wanted - have) == -1) return -1;
    while ((have = buffer_size(&cursor->buffer)) < size)
        if (read_more(cursor, wanted - have) == -1) return -1;
    return 0;
}

static uint64_t remaining(const Cursor *cursor) {
    return buffer_size(&cursor->buffer) + cursor->left;
}

int cursor_next(Cursor *cursor) {
    Buffer *buffer = &cursor->buffer;
    if (!remaining(cursor)) return 0;
    uint64_t header = remaining(cursor) < LONGEST_HEADER ? remaining(cursor) : LONGEST_HEADER;
    if (fill(cursor, header) == -1) return -1;
    uint64_t key_size, body_size;
    const char *at = buffer_bytes(buffer), *end = buffer_tail(buffer);
    if (!varint_read(&at, end, &key_size) || !varint_read(&at, end, &body_size)) return damaged();
    buffer->start = (size_t)(at - buffer->data); // not buffer_consume, which may move the rest
    if (key_size > remaining(cursor) || body_size > remaining(cursor) - key_size || !key_size)
        return damaged();
    if (fill(cursor, key_size + body_size) == -1) return -1;
    cursor->key = buffer_bytes(buffer);
    cursor->key_size = (size_t)key_size;
    cursor->body = cursor->key + key_size;
    cursor->body_size = (size_t)body_size;
    cursor->prefix = ordered_prefix(cursor->key, cursor->key_size);
    buffer->start += (size_t)(key_size + body_size);
    return 1;
}

void cursor_close(Cursor *cursor) {
    buffer_free(&cursor->buffer);
    *cursor = (Cursor){.fd = -1};
}
