/* Ordered - scalars and lists of them as bytes whose order is that of the values.
 *
 * Comparing two encodings byte by byte, a prefix before what it begins, puts
 * booleans before numbers before strings before lists, each in its own order:
 *
 *     false     10            true  11
 *     number    20 | double, 8 bytes | residual and kind, 2 bytes
 *     string    30 | its bytes, to the end
 *     list      40 | elements, one after the other | 00
 *
 * A number is the double nearest to it, in a form that sorts, then how far the
 * integer is from that double, so that all 64 bits of an integer count, then
 * one bit for the kind: 1 stands next to 1.0 but is told apart from it.
 * Inside a list a string ends with 00 00 and its own zeros become 00 FF.
 *
 * Value bytes, which emit takes and the combiners work on, are such an
 * encoding or one of four forms with a tag of their own that have no such order:
 *
 *     none      7c                  the key stands alone; to Lua it is 1, in order too
 *     sequence  7e | size, a varint | value bytes | size | value bytes ...
 *     histogram 7d | size, a varint | value bytes | how often, a varint | size ...
 *     opaque    7f | bytes that mean something to Lua only */
#ifndef PARALLEL_LUA_SHUFFLE_ORDERED_H
#define PARALLEL_LUA_SHUFFLE_ORDERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/wire/buffer.h"

enum {
    ORDERED_END = 0x00,
    ORDERED_FALSE = 0x10,
    ORDERED_TRUE = 0x11,
    ORDERED_NUMBER = 0x20,
    ORDERED_STRING = 0x30,
    ORDERED_LIST = 0x40,
    VALUE_NONE = 0x7c,
    VALUE_HISTOGRAM = 0x7d,
    VALUE_SEQUENCE = 0x7e,
    VALUE_OPAQUE = 0x7f,
};

enum { ORDERED_NUMBER_SIZE = 11 };

/* Below zero, zero or above zero as the first stands before, at or behind the second. */
static inline int ordered_compare(const char *a, size_t a_size, const char *b, size_t b_size) {
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

/* The first eight bytes as a number that compares as they do; shorter ones are filled with zeros.
 */
uint64_t ordered_prefix(const char *bytes, size_t size);

/* These append one value; 0, or -1 with ENOMEM. */
int ordered_boolean(Buffer *to, bool value);
int ordered_integer(Buffer *to, int64_t value);
int ordered_float(Buffer *to, double value);
int ordered_string(Buffer *to, const char *bytes, size_t size);  // alone, not in a list
int ordered_element(Buffer *to, const char *bytes, size_t size); // a string in a list

static inline int ordered_list_begin(Buffer *to) {
    return buffer_append_byte(to, ORDERED_LIST);
}
static inline int ordered_list_end(Buffer *to) {
    return buffer_append_byte(to, ORDERED_END);
}

typedef struct {
    enum {
        ITEM_BOOLEAN,
        ITEM_INTEGER,
        ITEM_FLOAT,
        ITEM_STRING,
        ITEM_LIST, // its elements follow, then ITEM_END
        ITEM_END,
    } kind;
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct {
            const char *bytes; // in a list they may hold escapes: copy them with item_copy
            size_t size;       // as they stand
            size_t escapes;    // how many bytes item_copy leaves out
        } string;
    };
} OrderedItem;

typedef struct {
    const char *at, *end;
    bool in_list;
} OrderedReader;

/* The next item of an encoding: 1, 0 at its end, -1 with EBADMSG when it is damaged. */
int ordered_next(OrderedReader *reader, OrderedItem *item);

/* Copies a string item without its escapes to `to`, which has room for size - escapes bytes. */
void item_copy(const OrderedItem *item, char *to);

/* Moves *from past one element of a sequence (from behind the tag): 1, 0 or -1 as above. */
int sequence_next(const char **from, const char *end, const char **value, size_t *size);

/* The same for a histogram. */
int histogram_next(const char **from, const char *end, const char **value, size_t *size,
                   uint64_t *times);

/* Appends the value in a form that sorts in front of other bytes: none is a
 * prefix of another. `desc` turns the order round. -1 with EINVAL when the
 * value has no order, with EBADMSG when it is damaged, or with ENOMEM. */
int ordered_rank(Buffer *to, const char *value, size_t size, bool desc);

#endif
