/* Buffer - a growable run of bytes, filled at its end and consumed at its start.
 *
 *     data        start            end          capacity
 *      |  consumed  |  the contents  |    room    |
 *
 * All zero is a valid empty buffer. Appending may move the bytes; pointers
 * into a buffer are good until the next call that appends to it.
 *
 * Integers are written as varints (LEB128: seven bits a byte, lowest first);
 * signed ones are zigzagged first, so that small negatives stay short. */
#ifndef PARALLEL_LUA_WIRE_BUFFER_H
#define PARALLEL_LUA_WIRE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/os/fault.h"

typedef struct {
    char *data;
    size_t start, end, capacity;
} Buffer;

enum { VARINT_MAX = 10 }; // bytes of the longest varint

/* Makes room for `more` bytes at the end. 0, or -1 with ENOMEM, the contents untouched. */
int buffer_grow(Buffer *buffer, size_t more);

/* Gives the memory back; the buffer is then empty and may be used again. */
void buffer_free(Buffer *buffer);

/* Of one that is empty and was large: gives the memory back, lest it be held for nothing. */
void buffer_settle(Buffer *buffer);

static inline size_t buffer_size(const Buffer *buffer) {
    return buffer->end - buffer->start;
}

static inline char *buffer_bytes(const Buffer *buffer) {
    return buffer->data + buffer->start;
}

static inline int buffer_reserve(Buffer *buffer, size_t more) {
    if (FAULT_FAILS("buffer.reserve")) return -1; // else few places would ever see it grow
    return buffer->capacity - buffer->end >= more ? 0 : buffer_grow(buffer, more);
}

/* The room at the end, good for what was reserved; buffer_added says how much was used. */
static inline char *buffer_tail(const Buffer *buffer) {
    return buffer->data + buffer->end;
}

static inline void buffer_added(Buffer *buffer, size_t size) {
    buffer->end += size;
}

static inline void buffer_clear(Buffer *buffer) {
    buffer->start = buffer->end = 0;
}

static inline void buffer_consume(Buffer *buffer, size_t size) {
    buffer->start += size;
    if (buffer->start == buffer->end) buffer_clear(buffer);
}

/* Appends to reserved room, which cannot fail. */
static inline void buffer_put(Buffer *buffer, const void *bytes, size_t size) {
    if (size) memcpy(buffer_tail(buffer), bytes, size);
    buffer->end += size;
}

static inline int buffer_append(Buffer *buffer, const void *bytes, size_t size) {
    if (buffer_reserve(buffer, size) == -1) return -1;
    buffer_put(buffer, bytes, size);
    return 0;
}

static inline int buffer_append_byte(Buffer *buffer, uint8_t byte) {
    if (buffer_reserve(buffer, 1) == -1) return -1;
    buffer->data[buffer->end++] = (char)byte;
    return 0;
}

/* Writes n at `to`, which has room for VARINT_MAX bytes; returns the place after it. */
static inline char *varint_write(char *to, uint64_t n) {
    for (; n >= 0x80; n >>= 7) *to++ = (char)(n | 0x80);
    *to++ = (char)n;
    return to;
}

static inline int buffer_append_varint(Buffer *buffer, uint64_t n) {
    if (buffer_reserve(buffer, VARINT_MAX) == -1) return -1;
    buffer->end = (size_t)(varint_write(buffer_tail(buffer), n) - buffer->data);
    return 0;
}

/* Reads a varint at *from and moves *from past it. False when the bytes end
 * before it does or it does not fit 64 bits; *from is then undefined. */
static inline bool varint_read(const char **from, const char *end, uint64_t *n) {
    *n = 0;
    for (unsigned shift = 0; shift < 64 && *from < end; shift += 7) {
        uint64_t byte = (unsigned char)*(*from)++;
        if (shift == 63 && byte > 1) return false;
        *n |= (byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

static inline uint64_t zigzag(int64_t n) {
    return ((uint64_t)n << 1) ^ (uint64_t)(n >> 63);
}

static inline int64_t unzigzag(uint64_t n) {
    return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

#endif
