#include "core/shuffle/ordered.h"

#include <errno.h>

enum { BIAS = 1024 }; // the residual of an integer is at most 512 either way

static const uint64_t SIGN = UINT64_C(1) << 63;

static int damaged(void) {
    errno = EBADMSG;
    return -1;
}

static void put_big_endian(char *to, uint64_t n, unsigned size) {
    while (size--) {
        to[size] = (char)n;
        n >>= 8;
    }
}

static uint64_t get_big_endian(const char *from, unsigned size) {
    uint64_t n = 0;
    for (unsigned i = 0; i < size; i++) n = n << 8 | (unsigned char)from[i];
    return n;
}

// Negative doubles are complemented, others get their sign bit set: unsigned
// order is then the order of the numbers.
static uint64_t sortable(double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits & SIGN ? ~bits : bits | SIGN;
}

static double unsortable(uint64_t bits) {
    bits = bits & SIGN ? bits & ~SIGN : ~bits;
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

uint64_t ordered_prefix(const char *bytes, size_t size) {
    if (size >= 8) return get_big_endian(bytes, 8);
    return get_big_endian(bytes, (unsigned)size) << 8 * (7 - size) << 8;
}

int ordered_boolean(Buffer *to, bool value) {
    return buffer_append_byte(to, value ? ORDERED_TRUE : ORDERED_FALSE);
}

static int append_number(Buffer *to, double nearest, int64_t residual, bool is_float) {
    if (buffer_reserve(to, ORDERED_NUMBER_SIZE) == -1) return -1;
    char *tail = buffer_tail(to);
    tail[0] = ORDERED_NUMBER;
    put_big_endian(tail + 1, sortable(nearest), 8);
    put_big_endian(tail + 9, (uint64_t)(residual + BIAS) << 1 | is_float, 2);
    buffer_added(to, ORDERED_NUMBER_SIZE);
    return 0;
}

int ordered_integer(Buffer *to, int64_t value) {
    double nearest = (double)value;
    // The nearest double may be 2^63, which int64_t cannot hold.
    return append_number(to, nearest, (int64_t)((__int128)value - (__int128)nearest), false);
}

int ordered_float(Buffer *to, double value) {
    return append_number(to, value, 0, true);
}

int ordered_string(Buffer *to, const char *bytes, size_t size) {
    if (buffer_reserve(to, size + 1) == -1) return -1;
    buffer_put(to, &(char){ORDERED_STRING}, 1);
    buffer_put(to, bytes, size);
    return 0;
}

int ordered_element(Buffer *to, const char *bytes, size_t size) {
    size_t zeros = 0;
    for (size_t i = 0; i < size; i++) zeros += !bytes[i];
    if (buffer_reserve(to, size + zeros + 3) == -1) return -1;
    char *tail = buffer_tail(to);
    *tail++ = ORDERED_STRING;
    for (size_t i = 0; i < size; i++) {
        *tail++ = bytes[i];
        if (!bytes[i]) *tail++ = (char)0xff;
    }
    *tail++ = 0;
    *tail++ = 0;
    buffer_added(to, size + zeros + 3);
    return 0;
}

static int read_number(OrderedReader *reader, OrderedItem *item) {
    if (reader->end - reader->at < ORDERED_NUMBER_SIZE - 1) return damaged();
    double nearest = unsortable(get_big_endian(reader->at, 8));
    uint64_t rest = get_big_endian(reader->at + 8, 2);
    reader->at += ORDERED_NUMBER_SIZE - 1;
    item->kind = rest & 1 ? ITEM_FLOAT : ITEM_INTEGER;
    if (rest & 1) {
        item->number = nearest;
        return 1;
    }
    if (!(nearest >= -0x1p63 && nearest <= 0x1p63)) return damaged();
    __int128 integer = (__int128)nearest + ((int64_t)(rest >> 1) - BIAS);
    if (integer < INT64_MIN || integer > INT64_MAX) return damaged();
    item->integer = (int64_t)integer;
    return 1;
}

static int read_element(OrderedReader *reader, OrderedItem *item) {
    const char *from = reader->at, *zero = from;
    item->string.escapes = 0;
    for (;;) {
        zero = memchr(zero, 0, (size_t)(reader->end - zero));
        if (!zero || reader->end - zero < 2) return damaged();
        if (!zero[1]) break;
        item->string.escapes++;
        zero += 2;
    }
    item->string.bytes = from;
    item->string.size = (size_t)(zero - from);
    reader->at = zero + 2;
    return 1;
}

static int read_string(OrderedReader *reader, OrderedItem *item) {
    item->kind = ITEM_STRING;
    if (reader->in_list) return read_element(reader, item);
    item->string.bytes = reader->at;
    item->string.size = (size_t)(reader->end - reader->at);
    item->string.escapes = 0;
    reader->at = reader->end;
    return 1;
}

static int read_list_mark(OrderedReader *reader, OrderedItem *item, bool begins) {
    if (reader->in_list == begins) return damaged();
    reader->in_list = begins;
    item->kind = begins ? ITEM_LIST : ITEM_END;
    return 1;
}

int ordered_next(OrderedReader *reader, OrderedItem *item) {
    if (reader->at == reader->end) return reader->in_list ? damaged() : 0;
    unsigned char tag = (unsigned char)*reader->at++;
    switch (tag) {
    case ORDERED_FALSE:
    case ORDERED_TRUE:
        item->kind = ITEM_BOOLEAN;
        item->boolean = tag == ORDERED_TRUE;
        return 1;
    case ORDERED_NUMBER: return read_number(reader, item);
    case ORDERED_STRING: return read_string(reader, item);
    case ORDERED_LIST: return read_list_mark(reader, item, true);
    case ORDERED_END: return read_list_mark(reader, item, false);
    default: return damaged();
    }
}

void item_copy(const OrderedItem *item, char *to) {
    const char *from = item->string.bytes;
    if (!item->string.escapes) {
        if (item->string.size) memcpy(to, from, item->string.size);
        return;
    }
    for (const char *end = from + item->string.size; from < end; from++) {
        *to++ = *from;
        if (!*from) from++;
    }
}

int sequence_next(const char **from, const char *end, const char **value, size_t *size) {
    if (*from == end) return 0;
    uint64_t n;
    if (!varint_read(from, end, &n) || n == 0 || n > (uint64_t)(end - *from)) return damaged();
    *value = *from;
    *size = (size_t)n;
    *from += n;
    return 1;
}

int histogram_next(const char **from, const char *end, const char **value, size_t *size,
                   uint64_t *times) {
    int found = sequence_next(from, end, value, size);
    if (found == 1 && !varint_read(from, end, times)) return damaged();
    return found;
}

static int append_rank(Buffer *to, const char *value, size_t size, bool in_list);

// A sequence ranks as the list of its elements.
static int append_sequence(Buffer *to, const char *from, const char *end) {
    if (ordered_list_begin(to) == -1) return -1;
    const char *value;
    size_t size;
    int more;
    while ((more = sequence_next(&from, end, &value, &size)) == 1)
        if (append_rank(to, value, size, true) == -1) return -1;
    return more == -1 ? -1 : ordered_list_end(to);
}

static int append_rank(Buffer *to, const char *value, size_t size, bool in_list) {
    unsigned char tag = size ? (unsigned char)*value : ORDERED_END;
    if (tag == ORDERED_STRING) return ordered_element(to, value + 1, size - 1);
    bool scalar = tag == ORDERED_FALSE || tag == ORDERED_TRUE || tag == ORDERED_NUMBER;
    if (scalar || (tag == ORDERED_LIST && !in_list)) return buffer_append(to, value, size);
    if (tag == VALUE_NONE) return ordered_integer(to, 1);
    if (tag == VALUE_SEQUENCE && !in_list) return append_sequence(to, value + 1, value + size);
    errno = EINVAL;
    return -1;
}

int ordered_rank(Buffer *to, const char *value, size_t size, bool desc) {
    size_t before = buffer_size(to);
    if (append_rank(to, value, size, false) == -1) {
        to->end = to->start + before;
        return -1;
    }
    char *rank = buffer_bytes(to) + before;
    size_t length = buffer_size(to) - before;
    for (size_t i = 0; desc && i < length; i++) rank[i] = (char)~rank[i];
    return 0;
}
