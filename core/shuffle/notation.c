#include "core/shuffle/notation.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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
    return notation_text(to, digits);
}

int notation_integer(Buffer *to, int64_t number) {
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, number);
    return notation_text(to, digits);
}

static int json_float(Buffer *to, double number) {
    char digits[40];
    if (!isfinite(number)) return notation_text(to, "null");
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
    if (size == 0) return notation_text(to, "\xef\xbf\xbd");
    if (size == 1) return notation_text(to, json_escape(*from, room));
    return buffer_append(to, from, size);
}

static int json_string(Buffer *to, const char *bytes, size_t size) {
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

/* ---- Lua ---- */

// Shortest of those that read back as the same float; a literal of the right kind.
static int lua_float(Buffer *to, double number) {
    if (isnan(number)) return notation_text(to, "0/0");
    if (isinf(number)) return notation_text(to, number > 0 ? "1/0" : "-1/0");
    return json_float(to, number);
}

// The least of all integers has no literal.
static int lua_integer(Buffer *to, int64_t number) {
    if (number == INT64_MIN) return notation_text(to, "(-9223372036854775807-1)");
    return notation_integer(to, number);
}

static int lua_byte(Buffer *to, char byte) {
    char digits[8];
    if (byte == '"' || byte == '\\')
        snprintf(digits, sizeof digits, "\\%c", byte);
    else
        snprintf(digits, sizeof digits, "\\%03d", (unsigned char)byte);
    return notation_text(to, digits);
}

static bool is_lua_special(char byte) {
    return byte == '"' || byte == '\\' || (unsigned char)byte < 0x20 || byte == 0x7f;
}

static int lua_string(Buffer *to, const char *bytes, size_t size) {
    if (buffer_append_byte(to, '"') == -1) return -1;
    for (const char *at = bytes, *end = bytes + size; at < end;) {
        const char *from = at;
        while (at < end && !is_lua_special(*at)) at++;
        if (buffer_append(to, from, (size_t)(at - from)) == -1) return -1;
        if (at < end && lua_byte(to, *at++) == -1) return -1;
    }
    return buffer_append_byte(to, '"');
}

/* ---- plain text ---- */

static int plain_float(Buffer *to, double number) {
    return append_float(to, number, 14);
}

static int plain_string(Buffer *to, const char *bytes, size_t size) {
    return buffer_append(to, bytes, size);
}

const Notation NOTATION_JSON = {
    "[", "]", ", ", "{", "}", "", ": ", json_string, json_float, notation_integer, true,
};
const Notation NOTATION_LUA = {
    "{", "}", ", ", "{", "}", "[", "] = ", lua_string, lua_float, lua_integer, false,
};
const Notation NOTATION_TSV = {
    "", "", " ", NULL, NULL, NULL, NULL, tsv_string, plain_float, notation_integer, false,
};
const Notation NOTATION_PLAIN = {
    "", "", " ", NULL, NULL, NULL, NULL, plain_string, plain_float, notation_integer, false,
};
