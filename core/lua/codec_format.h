/* Codec format - what a message of the codec looks like, for its two ends:
 * core/lua/encoder.h writes it, core/lua/decoder.h reads it.
 *
 *     +-------+--------- - - -+------------------ - - -+---+
 *     | count |  that many values  |  tables put off   | 0 |
 *     +-------+--------- - - -+------------------ - - -+---+
 *
 * A value is a tag byte and what the tag asks for:
 *
 *     1xxxxxxx    an integer from SMALL_LEAST on, in the tag itself
 *     01sxxxxx    a string of up to 31 bytes, which follow
 *     00sxxxxx    a Tag of the table below
 *
 * s is the bit SHARED: something further on refers to this value, by its
 * place (the position of its tag, counted from the start of the message), so
 * the decoder must remember it. The encoder sets the bit when it meets the
 * value for the second time; a message without sharing costs nothing.
 *
 * A table nested too deeply is put off: in its place stands TAG_LATER, and its
 * contents follow the values as its place, the number of its items, the
 * items, and its pairs. So neither end needs a deep stack for a deep value.
 *
 * Sizes, counts and places are varints unless said otherwise; "pairs" are their
 * number in four bytes (it is known only after them), then keys and values. */
#ifndef PARALLEL_LUA_LUA_CODEC_FORMAT_H
#define PARALLEL_LUA_LUA_CODEC_FORMAT_H

#include <stdint.h>

typedef enum {
    TAG_NIL,
    TAG_FALSE,
    TAG_TRUE,
    TAG_NULL,      // the light userdata NULL, by which many libraries mean "null"
    TAG_INTEGER,   // zigzag varint
    TAG_FLOAT,     // eight bytes
    TAG_STRING,    // size, bytes
    TAG_REFERENCE, // place of a value that came before
    TAG_LATER,     // an empty table, to be filled at the end of the message
    TAG_MAP,       // pairs

    // The three kinds of list; with bit MORE, pairs follow the items.
    TAG_LIST = 0x0a,     // number of items, items; nil may be one
    TAG_INTEGERS = 0x0c, // width in bytes (1, 2, 4, 8), number, that many of that width
    TAG_FLOATS = 0x0e,   // number, eight bytes each

    // Records: tables whose keys are a few strings.
    TAG_FIELDS = 0x10, // number of keys, the keys, the values in the same order
    TAG_SHAPE = 0x11,  // the same, and further on are records of that shape
    TAG_RECORD = 0x12, // place of the shape, the values in its order

    // Functions and what they need; refused unless the receiver trusts the sender.
    TAG_LIBRARY = 0x13,  // the name, as library.h has it, of a function or module; a string value
    TAG_FUNCTION = 0x14, // size in four bytes, code; with bit MORE, its upvalues follow.
                         // Without, they are put off as the contents of a table may be:
                         // place, upvalues. Upvalues are their number, then for each a
    TAG_UPVALUE = 0x16,  // value; or the
    TAG_JOINED = 0x17,   // place of another function's upvalue, which is the same variable; or
    TAG_GLOBALS = 0x18,  // for the receiver's globals, nothing; or
    TAG_OVER_GLOBALS = 0x1f, // a table that falls back to them.
                             // LuaJIT may add one for the function's environment.

    // Values of registered types. The name is a string value.
    TAG_TYPED = 0x19,     // name, a table that has this type's metatable
    TAG_OBJECT = 0x1a,    // name, value to be made an object of, tables put off in it, 0
    TAG_METATABLE = 0x1d, // name of a type: its metatable, captured by a function. Where none is
                          // known: a table that follows, or nil when that would be too deep.
    TAG_CALL = 0x1b,      // number of values, a function and its arguments, put off ones, 0:
                          // the value is what the call returns

    // Shared objects. Their descriptors go beside the message.
    TAG_HANDLE = 0x1c, // type, a string value; which of the descriptors, from 1
} Tag;

enum {
    TAG_SHARED = 0x20,
    TAG_MORE = 0x01,          // turns TAG_LIST into a list with pairs, ...
    TAG_SHAPED = 0x01,        // ... TAG_FIELDS into TAG_SHAPE
    TAG_SHORT_STRING = 0x40,  // and the size
    TAG_SMALL_INTEGER = 0x80, // and the integer less SMALL_LEAST
};

enum {
    SMALL_LEAST = -16, // the integers that fit in the tag
    SMALL_MOST = 111,
    SHORT_STRING = 31, // the longest string whose size fits in the tag
    MOST_FIELDS = 32,  // a table of more keys is no record
    DEEPEST = 100,     // tables and objects around a value, at most
};

#endif
