#include "core/shuffle/record.h"

#include <errno.h>

#include "core/os/descriptor.h"
#include "core/os/sys.h"
#include "core/shuffle/ordered.h"

enum { WRITE_SIZE = 1 << 18, LONGEST_HEADER = 2 * VARINT_MAX };

static int damaged(const Cursor *cursor) {
    errno = cursor->in_blocks ? EUCLEAN : EBADMSG;
    return -1;
}

int region_append(const Region *region, Buffer *to) {
    if (buffer_append_varint(to, region->offset) == -1) return -1;
    if (buffer_append_varint(to, region->length) == -1) return -1;
    if (buffer_append_varint(to, region->count) == -1) return -1;
    return buffer_append_varint(to, region->block);
}

bool region_read(const char **from, const char *end, Region *region) {
    return varint_read(from, end, &region->offset) && varint_read(from, end, &region->length) &&
           varint_read(from, end, &region->count) && varint_read(from, end, &region->block) &&
           region->block <= BLOCK_LARGEST && region->offset <= INT64_MAX &&
           region->length <= INT64_MAX - region->offset;
}

int region_check(const Region *region, int fd) {
    struct stat info;
    if (sys.fstat(fd, &info) == -1) return -1;
    uint64_t most = region->length; // records that it may have
    if (region->block) most = most / BLOCK_HEADER * region->block;
    bool inside = region->offset + region->length <= (uint64_t)info.st_size;
    if (inside && region->count <= most) return 0;
    errno = region->block ? EUCLEAN : EBADMSG;
    return -1;
}

int writer_open(Writer *writer, int fd, size_t block) {
    struct stat info;
    if (sys.fstat(fd, &info) == -1) return -1;
    writer->fd = fd;
    writer->region = (Region){.offset = (uint64_t)info.st_size, .block = block};
    buffer_clear(&writer->buffer);
    return 0;
}

void writer_begin(Writer *writer) {
    uint64_t end = writer->region.offset + writer->region.length;
    writer->region = (Region){.offset = end, .block = writer->region.block};
}

static int write_block(Writer *writer, size_t size) {
    Region *region = &writer->region;
    uint64_t length;
    if (block_write(&writer->scratch, writer->fd, region->offset + region->length,
                    buffer_bytes(&writer->buffer), size, &length) == -1)
        return -1;
    region->length += length;
    buffer_consume(&writer->buffer, size);
    return 0;
}

// Whoever reads a region in blocks finds its end at that of a block.
int writer_end(Writer *writer) {
    size_t size = buffer_size(&writer->buffer);
    return writer->region.block && size ? write_block(writer, size) : 0;
}

int writer_flush(Writer *writer) {
    Buffer *buffer = &writer->buffer;
    if (writer->region.block) return writer_end(writer);
    size_t size = buffer_size(buffer);
    uint64_t start = writer->region.offset + writer->region.length - size;
    if (descriptor_write_at(writer->fd, buffer_bytes(buffer), size, (off_t)start) == -1) return -1;
    buffer_clear(buffer);
    return 0;
}

static int make_room(Writer *writer, size_t size) {
    if (writer->region.block) return buffer_reserve(&writer->buffer, size);
    if (buffer_size(&writer->buffer) + size > WRITE_SIZE && writer_flush(writer) == -1) return -1;
    if (buffer_size(&writer->buffer)) return buffer_reserve(&writer->buffer, size);
    return buffer_reserve(&writer->buffer, size > WRITE_SIZE ? size : WRITE_SIZE);
}

// The record, of so many bytes, is in the buffer.
static int count_record(Writer *writer, size_t size) {
    size_t block = writer->region.block;
    writer->region.count++;
    if (!block) {
        writer->region.length += size;
        return 0;
    }
    while (buffer_size(&writer->buffer) >= block)
        if (write_block(writer, block) == -1) return -1;
    return 0;
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
    return count_record(writer, buffer_size(&writer->buffer) - before);
}

int writer_copy(Writer *writer, const char *record, size_t size) {
    if (make_room(writer, size) == -1) return -1;
    if (buffer_append(&writer->buffer, record, size) == -1) return -1;
    return count_record(writer, size);
}

int writer_line(Writer *writer, const char *line, size_t size) {
    if (make_room(writer, size + 1) == -1) return -1;
    char *to = buffer_tail(&writer->buffer);
    if (size) memcpy(to, line, size);
    if (!size || line[size - 1] != '\n') to[size++] = '\n';
    buffer_added(&writer->buffer, size);
    return count_record(writer, size);
}

void writer_close(Writer *writer) {
    buffer_free(&writer->buffer);
    block_scratch_free(&writer->scratch);
}

void cursor_open(Cursor *cursor, int fd, const Region *region, size_t ahead,
                 BlockScratch *scratch) {
    cursor->fd = fd;
    cursor->in_blocks = region->block > 0;
    cursor->offset = region->offset;
    cursor->left = region->length;
    cursor->ahead = ahead;
    cursor->scratch = scratch;
    buffer_clear(&cursor->buffer);
}

static uint64_t remaining(const Cursor *cursor) {
    return buffer_size(&cursor->buffer) + cursor->left;
}

static int read_more(Cursor *cursor, size_t size) {
    ssize_t n;
    do n = sys.pread(cursor->fd, buffer_tail(&cursor->buffer), size, (off_t)cursor->offset);
    while (n == -1 && errno == EINTR);
    if (n <= 0) return n == 0 ? damaged(cursor) : -1;
    buffer_added(&cursor->buffer, (size_t)n);
    cursor->offset += (uint64_t)n;
    cursor->left -= (uint64_t)n;
    return 0;
}

static int read_block(Cursor *cursor) {
    uint64_t length;
    if (!cursor->left) return damaged(cursor);
    if (block_read(cursor->scratch, cursor->fd, cursor->offset, cursor->left, &cursor->buffer,
                   &length) == -1)
        return -1;
    cursor->offset += length;
    cursor->left -= length;
    return 0;
}

static int fill_from_blocks(Cursor *cursor, uint64_t size) {
    while (buffer_size(&cursor->buffer) < size)
        if (read_block(cursor) == -1) return -1;
    return 0;
}

// At least `size` bytes in the buffer, which the region must have; it reads
// ahead as far as the usual size of the buffer goes.
static int fill(Cursor *cursor, uint64_t size) {
    size_t have = buffer_size(&cursor->buffer);
    if (have >= size) return 0;
    if (cursor->in_blocks) return fill_from_blocks(cursor, size);
    if (size - have > cursor->left) return damaged(cursor);
    size_t wanted = size > cursor->ahead ? (size_t)size : cursor->ahead;
    if (wanted - have > cursor->left) wanted = have + (size_t)cursor->left;
    if (buffer_reserve(&cursor->buffer, wanted - have) == -1) return -1;
    while ((have = buffer_size(&cursor->buffer)) < size)
        if (read_more(cursor, wanted - have) == -1) return -1;
    return 0;
}

// A header may be shorter than it could be, at the end.
static int fill_header(Cursor *cursor) {
    if (cursor->in_blocks)
        return buffer_size(&cursor->buffer) >= LONGEST_HEADER || !cursor->left ? 0
                                                                               : read_block(cursor);
    uint64_t left = remaining(cursor);
    return fill(cursor, left < LONGEST_HEADER ? left : LONGEST_HEADER);
}

// Blocks tell how much there is only when they are read, but never that there is more.
static bool has(const Cursor *cursor, uint64_t key_size, uint64_t body_size) {
    uint64_t most = cursor->in_blocks ? INT64_MAX : remaining(cursor);
    return key_size <= most && body_size <= most - key_size;
}

int cursor_next(Cursor *cursor) {
    Buffer *buffer = &cursor->buffer;
    if (!remaining(cursor)) return 0;
    if (fill_header(cursor) == -1) return -1;
    uint64_t key_size, body_size;
    const char *at = buffer_bytes(buffer), *end = buffer_tail(buffer);
    if (!varint_read(&at, end, &key_size) || !varint_read(&at, end, &body_size))
        return damaged(cursor);
    buffer->start = (size_t)(at - buffer->data); // not buffer_consume, which may move the rest
    if (!key_size || !has(cursor, key_size, body_size)) return damaged(cursor);
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
