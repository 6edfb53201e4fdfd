#include "core/shuffle/render.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/os/sys.h"
#include "core/shuffle/ordered.h"

static int damaged(void) {
    errno = EBADMSG;
    return -1;
}

// A host may have set a locale whose decimal point is a comma.
static void use_decimal_point(char *digits) {
    digits += strspn(digits, "+-0123456789");
    if (*digits && !strchr("einf", *digits)) *digits = '.';
}

// As tostring does: a float without a fraction ends with ".0".
static int append_float(Buffer *to, double number, int precision) {
    char digits[40];
    snprintf(digits, sizeof digits - 2, "%.*g", precision, number);
    use_decimal_point(digits);
    if (!digits[strspn(digits, "-0123456789")]) strcat(digits, ".0");
    return render_text(to, digits);
}

int json_integer(Buffer *to, int64_t number) {
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, number);
    return render_text(to, digits);
}

int json_float(Buffer *to, double number) {
    char digits[40];
    if (!isfinite(number)) return render_text(to, "null");
    snprintf(digits, sizeof digits, "%.14g", number);
    return append_float(to, number, strtod(digits, NULL) == number ? 14 : 17);
}

/* ---- strings ---- */

static bool is_continuation(const char *at) {
    return ((unsigned char)*at & 0xc0) == 0x80;
}

// How many bytes the character takes, 0 when they are no UTF-8.
static size_t utf8_size(const char *at, const char *end) {
    unsigned char lead = (unsigned char)*at;
    size_t size = lead < 0x80   ? 1
                  : lead < 0xc2 ? 0
                  : lead < 0xe0 ? 2
                  : lead < 0xf0 ? 3
                  : lead < 0xf5 ? 4
                                : 0;
    if (size > (size_t)(end - at)) return 0;
    for (size_t i = 1; i < size; i++)
        if (!is_continuation(at + i)) return 0;
    if (size < 3) return size;
    unsigned char second = (unsigned char)at[1];
    bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
    bool surrogate = lead == 0xed && second >= 0xa0;
    bool too_large = lead == 0xf4 && second >= 0x90;
    return overlong || surrogate || too_large ? 0 : size;
}

static const char *json_escape(char byte, char *room) {
    switch (byte) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\b': return "\\b";
    case '\f': return "\\f";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: sprintf(room, "\\u%04x", (unsigned char)byte); return room;
    }
}

static bool is_plain(char byte) {
    return (unsigned char)byte >= 0x20 && (unsigned char)byte < 0x80 && byte != '"' && byte != '\\';
}

// One run of plain bytes, or one character that needs more care.
static int json_piece(Buffer *to, const char **at, const char *end) {
    const char *from = *at;
    char room[8];
    while (*at < end && is_plain(**at)) ++*at;
    if (*at > from) return buffer_append(to, from, (size_t)(*at - from));
    size_t size = utf8_size(from, end);
    *at += size ? size : 1;
    if (size == 0) return render_text(to, "\xef\xbf\xbd");
    if (size == 1) return render_text(to, json_escape(*from, room));
    return buffer_append(to, from, size);
}

int json_string(Buffer *to, const char *bytes, size_t size) {
    const char *at = bytes, *end = at + size;
    if (buffer_append_byte(to, '"') == -1) return -1;
    while (at < end)
        if (json_piece(to, &at, end) == -1) return -1;
    return buffer_append_byte(to, '"');
}

static bool is_tsv_special(char byte) {
    return byte == '\t' || byte == '\n' || byte == '\r';
}

static bool has_tsv_special(const char *bytes, size_t size) {
    bool found = false;
    for (size_t i = 0; i < size; i++) found |= is_tsv_special(bytes[i]); // many at a time
    return found;
}

static int tsv_string(Buffer *to, const char *bytes, size_t size) {
    if (!has_tsv_special(bytes, size)) return buffer_append(to, bytes, size);
    if (buffer_reserve(to, 2 * size) == -1) return -1;
    char *tail = buffer_tail(to);
    for (size_t i = 0; i < size; i++) {
        char byte = bytes[i];
        if (is_tsv_special(byte)) *tail++ = '\\';
        *tail++ = byte == '\t' ? 't' : byte == '\n' ? 'n' : byte == '\r' ? 'r' : byte;
    }
    to->end = (size_t)(tail - to->data);
    return 0;
}

/* ---- values ---- */

typedef int AppendString(Buffer *to, const char *bytes, size_t size);

static int append_string(Buffer *to, const OrderedItem *item, AppendString *append) {
    size_t size = item->string.size - item->string.escapes;
    if (!item->string.escapes) return append(to, item->string.bytes, size);
    char *copy = sys.realloc(NULL, size + 1);
    if (!copy) return -1;
    item_copy(item, copy);
    int result = append(to, copy, size);
    free(copy);
    return result;
}

static int append_scalar(Buffer *to, const OrderedItem *item, bool json) {
    switch (item->kind) {
    case ITEM_BOOLEAN: return render_text(to, item->boolean ? "true" : "false");
    case ITEM_INTEGER: return json_integer(to, item->integer);
    case ITEM_FLOAT:
        return json ? json_float(to, item->number) : append_float(to, item->number, 14);
    case ITEM_STRING: return append_string(to, item, json ? json_string : tsv_string);
    default: return damaged();
    }
}

static int append_elements(Buffer *to, OrderedReader *reader, bool json) {
    OrderedItem item;
    int found;
    for (bool first = true; (found = ordered_next(reader, &item)) == 1; first = false) {
        if (item.kind == ITEM_END) return json ? render_text(to, "]") : 0;
        if (!first && render_text(to, json ? ", " : " ") == -1) return -1;
        if (append_scalar(to, &item, json) == -1) return -1;
    }
    return found == -1 ? -1 : damaged();
}

static int append_ordered(const char *value, size_t size, Buffer *to, bool json) {
    OrderedReader reader = {value, value + size, false};
    OrderedItem item;
    int found = ordered_next(&reader, &item);
    if (found != 1) return found == -1 ? -1 : damaged();
    if (item.kind != ITEM_LIST) return append_scalar(to, &item, json);
    // An empty table might be a list or not; it counts as an object, as most encoders have it.
    if (json && reader.end - reader.at == 1) return render_text(to, "{}");
    if (json && render_text(to, "[") == -1) return -1;
    return append_elements(to, &reader, json);
}

static bool is_scalar(const char *value) {
    return *value == ORDERED_FALSE || *value == ORDERED_TRUE || *value == ORDERED_NUMBER ||
           *value == ORDERED_STRING;
}

static bool holds_scalars(const char *value, size_t size) {
    const char *at = value + 1, *element;
    size_t element_size;
    while (sequence_next(&at, value + size, &element, &element_size) == 1)
        if (!is_scalar(element)) return false;
    return true;
}

static int append_sequence(const Renderer *renderer, const char *value, size_t size, Buffer *to,
                           bool json) {
    const char *at = value + 1, *element;
    size_t element_size;
    int found;
    if (json && render_text(to, "[") == -1) return -1;
    for (bool first = true;
         (found = sequence_next(&at, value + size, &element, &element_size)) == 1; first = false) {
        if (!first && render_text(to, json ? ", " : " ") == -1) return -1;
        if (*element == VALUE_SEQUENCE) return damaged(); // they do not nest
        int result = json ? json_value(renderer, element, element_size, to)
                          : append_ordered(element, element_size, to, false);
        if (result == -1) return -1;
    }
    return found == -1 ? -1 : json ? render_text(to, "]") : 0;
}

// JSON has no names but strings: of other values, their JSON in quotes.
static int append_name(const Renderer *renderer, const char *value, size_t size, Buffer *to) {
    if (*value == ORDERED_STRING) return json_value(renderer, value, size, to);
    Buffer name = {0};
    int result = json_value(renderer, value, size, &name);
    if (result == 0) result = json_string(to, buffer_bytes(&name), buffer_size(&name));
    buffer_free(&name);
    return result;
}

static int append_histogram(const Renderer *renderer, const char *value, size_t size, Buffer *to) {
    const char *at = value + 1, *counted, *end = value + size;
    size_t counted_size;
    uint64_t times;
    int found;
    if (render_text(to, "{") == -1) return -1;
    for (bool first = true;
         (found = histogram_next(&at, end, &counted, &counted_size, &times)) == 1; first = false) {
        if (*counted == VALUE_HISTOGRAM) return damaged(); // they do not nest
        if (!first && render_text(to, ", ") == -1) return -1;
        if (append_name(renderer, counted, counted_size, to) == -1) return -1;
        if (render_text(to, ": ") == -1 || json_integer(to, (int64_t)times) == -1) return -1;
    }
    return found == -1 ? -1 : render_text(to, "}");
}

int json_value(const Renderer *renderer, const char *value, size_t size, Buffer *to) {
    if (!size) return damaged();
    if (*value == VALUE_HISTOGRAM) return append_histogram(renderer, value, size, to);
    if (*value == VALUE_OPAQUE) return renderer->opaque(renderer->context, value, size, to);
    if (*value == VALUE_SEQUENCE) return append_sequence(renderer, value, size, to, true);
    return append_ordered(value, size, to, true);
}

static int tsv_value(const Renderer *renderer, const char *value, size_t size, Buffer *to) {
    if (!size || *value == VALUE_OPAQUE || *value == VALUE_HISTOGRAM)
        return json_value(renderer, value, size, to);
    if (*value != VALUE_SEQUENCE) return append_ordered(value, size, to, false);
    return append_sequence(renderer, value, size, to, !holds_scalars(value, size));
}

int render_tsv(const Renderer *renderer, const char *key, size_t key_size, const char *value,
               size_t size, Buffer *to) {
    if (tsv_value(renderer, key, key_size, to) == -1) return -1;
    if (render_text(to, "\t") == -1) return -1;
    if (tsv_value(renderer, value, size, to) == -1) return -1;
    return render_text(to, "\n");
}

int render_json(const Renderer *renderer, const char *key, size_t key_size, const char *value,
                size_t size, Buffer *to) {
    if (render_text(to, "{\"key\": ") == -1) return -1;
    if (json_value(renderer, key, key_size, to) == -1) return -1;
    if (render_text(to, ", \"value\": ") == -1) return -1;
    if (json_value(renderer, value, size, to) == -1) return -1;
    return render_text(to, "}\n");
}
