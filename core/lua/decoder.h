/* Decoder - the codec's reading half, for the files that it consists of:
 *
 *     decoder.c            messages, scalars, and what is referred to
 *     decoder_table.c      tables of every kind
 *     decoder_function.c   functions and their upvalues
 *     decoder_object.c     values of registered types, and such as say how they are made
 *
 * The format is told in codec_format.h. What is found wrong raises; each
 * decode_ function of a value pushes it. */
#ifndef PARALLEL_LUA_LUA_DECODER_H
#define PARALLEL_LUA_LUA_DECODER_H

#include <stdbool.h>

#include "core/lua/codec_format.h"
#include "core/lua/compat.h"
#include "core/wire/buffer.h"

typedef struct {
    lua_State *L;
    const char *start, *at, *end;
    size_t owed;    // values that are announced but not read yet: each needs a byte at least
    int depth;      // tables around the value at hand
    bool functions; // are allowed
    int parcel;     // stack index of the list of shared objects; 0: none is allowed
    // Stack index of the table of what is referred to, nil while it is empty.
    // A place leads to the value there, or for an upvalue to its function; a
    // negated place to a shape's list of keys, or to an upvalue's number.
    int known;
} Decoder;

void decoder_damaged(Decoder *d, const char *reason) __attribute__((noreturn));

/* Raises when functions are not allowed. */
void decoder_check_trust(Decoder *d);

/* Keeps the value on top of the stack under this name; or pushes the one that
 * was kept, and complains when there is none. */
void decoder_remember(Decoder *d, lua_Integer name);
void decoder_recall(Decoder *d, lua_Integer name, const char *complaint);

/* Every decoder_enter is followed by a decoder_leave. */
void decoder_enter(Decoder *d);

/* For each of these functions: the value is remembered as `place` unless that
 * is 0. A table's tag, with TAG_SHARED off, was at tag_place. */
void decode_value(Decoder *d);
void decode_table(Decoder *d, int tag, lua_Integer tag_place, lua_Integer place);
void decode_library(Decoder *d, lua_Integer place);
void decode_function(Decoder *d, lua_Integer place, bool more);
void decode_typed(Decoder *d, lua_Integer place);
void decode_metatable(Decoder *d, lua_Integer place);
void decode_object(Decoder *d, lua_Integer place);
void decode_call(Decoder *d, lua_Integer place);
void decode_handle(Decoder *d, lua_Integer place);

/* Pushes the name, a string, that comes next; raises when something else does. */
void decode_name(Decoder *d, const char *complaint);

/* These fill the table or function on top of the stack. */
void decode_contents_of_table(Decoder *d);
void decode_upvalues(Decoder *d);

/* The contents that were put off. */
void decode_later(Decoder *d);

/* ---- bytes ---- */

static inline size_t left(const Decoder *d) {
    return (size_t)(d->end - d->at);
}

static inline const char *take(Decoder *d, size_t size) {
    if (size > left(d)) decoder_damaged(d, "it ends too soon");
    const char *bytes = d->at;
    d->at += size;
    return bytes;
}

static inline uint64_t take_varint(Decoder *d) {
    uint64_t n;
    if (!varint_read(&d->at, d->end, &n)) decoder_damaged(d, "a number is cut off or too large");
    return n;
}

static inline size_t take_counter(Decoder *d) {
    uint32_t n;
    memcpy(&n, take(d, sizeof n), sizeof n);
    return n;
}

// Takes note that `count` more values must follow. Since the bytes left are
// enough for all that was announced, memory may be set aside for them.
static inline void announce(Decoder *d, uint64_t count) {
    if (count > left(d) || d->owed > left(d) - count)
        decoder_damaged(d, "a count exceeds its size");
    d->owed += count;
}

// A place that was read, made safe to be negated and passed to Lua.
static inline lua_Integer take_place(Decoder *d) {
    uint64_t place = take_varint(d);
    if (place > (uint64_t)(d->at - d->start))
        decoder_damaged(d, "a reference points past its own place");
    return (lua_Integer)place;
}

/* Reads a value that was announced. */
static inline void decode_owed(Decoder *d) {
    d->owed--;
    decode_value(d);
}

static inline void decoder_leave(Decoder *d) {
    d->depth--;
}

#endif
