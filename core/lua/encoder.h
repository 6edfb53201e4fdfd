/* Encoder - the codec's writing half, for the files that it consists of:
 *
 *     encoder.c            messages, scalars, and what is put off to a message's end
 *     encoder_table.c      lists, records and maps
 *     encoder_block.c      lists of numbers
 *     encoder_function.c   functions and their upvalues
 *     encoder_object.c     values of registered types, and userdata
 *
 * The format is told in codec_format.h. All of these raise what codec_encode
 * raises; stack indices are absolute, and the stack is left as it was. */
#ifndef PARALLEL_LUA_LUA_ENCODER_H
#define PARALLEL_LUA_LUA_ENCODER_H

#include <stdbool.h>

#include "core/lua/codec_format.h"
#include "core/lua/compat.h"
#include "core/lua/seen.h"
#include "core/lua/shapes.h"
#include "core/wire/buffer.h"

// One is kept in the registry of each Lua state, so that small messages need
// not make its tables anew.
typedef struct {
    Seen seen;     // strings and tables that are in the message
    Shapes shapes; // key sequences of its records
    bool busy;     // a message is under way; one within it needs an encoder of its own

    lua_State *L;
    Buffer *to;
    size_t base; // how much was in the buffer before
    int depth;   // tables around the value at hand
    int floor;   // the same of the innermost object that these stand in; 0: none
    int first;   // the values to encode: stack index and number
    int count;
    bool functions; // may be in the message
    bool shares;    // so may shared objects
    bool types;     // are registered, so that metatables matter

    int capturing; // functions around the value at hand

    int later; // stack index of the list of what was put off, nil while there is nothing
    size_t late;
    int shared; // stack index of the list of shared objects, nil while there is none
    size_t handles;
    int kept; // stack index of a list of what dump functions returned, nil while there is nothing
    size_t keeps;

    size_t making[DEEPEST]; // places of the objects around the value at hand
    int makes;
} Encoder;

/* Why something is refused. */
#define FOREIGN  "cannot leave its process"
#define TOO_DEEP "is nested too deeply to leave its process"

/* Raises that the value cannot be sent, and where it is. */
void encoder_refuse(Encoder *e, int index, const char *reason) __attribute__((noreturn));

void encoder_no_memory(Encoder *e) __attribute__((noreturn));

/* The place of an object that is in the message already, marked as referred
 * to. Otherwise 0, and the value written next is noted as the object. */
size_t encoder_place_of(Encoder *e, const void *object);

/* True when the object is in the message already; it is then referred to. */
bool encoder_put_reference(Encoder *e, const void *object);

/* True when the contents of a table or function must be put off. Half of the
 * depth that is left is kept for objects, which cannot be. */
static inline bool encoder_is_deep(const Encoder *e) {
    return e->depth >= e->floor + (DEEPEST - e->floor) / 2;
}

/* The contents of the value are left to encode_later. */
void encoder_put_off(Encoder *e, int index);

/* Keeps values until the message is done, lest the address of one become that
 * of another object, which would then be taken for it. */
void encoder_keep(Encoder *e, int first, int count);

void encode_value(Encoder *e, int index);
void encode_string(Encoder *e, int index);

/* What was put off since there were `from` such things, and what these put off. */
void encode_later(Encoder *e, size_t from);

void encode_table(Encoder *e, int table);

/* The table itself, whatever its type. */
void encode_plain(Encoder *e, int table);

/* What TAG_LATER left out. */
void encode_table_contents(Encoder *e, int table);

/* With the key of a list's last item on top: encodes what is left of its walk.
 * `list` is the place of its tag. */
void encode_rest(Encoder *e, int table, size_t list);

/* With a key on top of the stack: true when the next item of the table's walk
 * is number i, as it is in a list; key and value are then on the stack. */
static inline bool next_is(lua_State *L, int table, size_t i) {
    return lua_next(L, table) && lua_isinteger(L, -2) && lua_tointeger(L, -2) == (lua_Integer)i;
}

/* True when the table's items are all integers, or all floats, and encoded so. */
bool encode_block(Encoder *e, int table, size_t items);

void encode_function(Encoder *e, int index);
void encode_upvalues(Encoder *e, int function);

/* Functions and modules by name, as far as they have one. */
bool encode_library(Encoder *e, int index);

/* The metatable of a registered type; false when the table is none. */
bool encode_metatable(Encoder *e, int table);

/* A value of a registered type; false when it is of none. */
bool encode_typed(Encoder *e, int index);
void encode_userdata(Encoder *e, int index);

/* Adds an object to the list that goes beside the message; its place there, from 1. */
size_t encoder_share(Encoder *e, int index);

/* ---- bytes ---- */

static inline size_t here(const Encoder *e) {
    return buffer_size(e->to) - e->base;
}

static inline char *byte_at(const Encoder *e, size_t place) {
    return buffer_bytes(e->to) + e->base + place;
}

static inline char *room(Encoder *e, size_t size) {
    if (buffer_reserve(e->to, size) == -1) encoder_no_memory(e);
    return buffer_tail(e->to);
}

static inline void put_byte(Encoder *e, int byte) {
    *room(e, 1) = (char)byte;
    buffer_added(e->to, 1);
}

static inline void put_varint(Encoder *e, uint64_t n) {
    char *to = room(e, VARINT_MAX);
    buffer_added(e->to, (size_t)(varint_write(to, n) - to));
}

static inline void put_tagged_varint(Encoder *e, Tag tag, uint64_t n) {
    char *to = room(e, 1 + VARINT_MAX);
    *to = (char)tag;
    buffer_added(e->to, (size_t)(varint_write(to + 1, n) - to));
}

static inline void put_bytes(Encoder *e, const void *bytes, size_t size) {
    if (buffer_append(e->to, bytes, size) == -1) encoder_no_memory(e);
}

/* The place of four bytes to be filled in by set_counter. */
static inline size_t put_counter(Encoder *e) {
    size_t counter = here(e);
    memset(room(e, sizeof(uint32_t)), 0, sizeof(uint32_t));
    buffer_added(e->to, sizeof(uint32_t));
    return counter;
}

static inline void set_counter(Encoder *e, size_t counter, size_t count) {
    uint32_t number = (uint32_t)count;
    memcpy(byte_at(e, counter), &number, sizeof number);
}

#endif
