/* Notation - how scalars, lists and maps are written in one kind of text.
 *
 * Functions return 0, or -1 with ENOMEM. */
#ifndef PARALLEL_LUA_SHUFFLE_NOTATION_H
#define PARALLEL_LUA_SHUFFLE_NOTATION_H

#include <stdint.h>

#include "core/wire/buffer.h"

typedef struct {
    const char *open, *close, *comma; // of a list
    const char *open_map, *close_map; // NULL: this kind of text has neither maps nor lists in lists
    const char *before_name, *after_name; // of what stands in a map
    int (*string)(Buffer *to, const char *bytes, size_t size);
    int (*number)(Buffer *to, double number); // a float
    int (*integer)(Buffer *to, int64_t number);
    bool named_by_strings; // names in a map are strings
} Notation;

/* Bytes that are no UTF-8 become U+FFFD each; infinities and NaN become null;
 * floats read back as the same float. */
extern const Notation NOTATION_JSON;

/* Literals that read back as the same value. */
extern const Notation NOTATION_LUA;

/* Strings and numbers as tostring has them, lists with a space between their elements; tab,
 * newline and carriage return in strings become \t, \n, \r. */
extern const Notation NOTATION_TSV;

/* The same with all strings as they are. */
extern const Notation NOTATION_PLAIN;

int notation_integer(Buffer *to, int64_t number);

static inline int notation_text(Buffer *to, const char *text) {
    return buffer_append(to, text, strlen(text));
}

#endif
