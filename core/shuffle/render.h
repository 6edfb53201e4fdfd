/* Render - pairs of key and value as text, in one of several formats.
 *
 *     tsv    key, tab, value              json   {"key": ..., "value": ...}
 *     csv    key, comma, value            lua    {key, value},
 *     raw    the value
 *
 * each on a line of its own. A key that stands alone (VALUE_NONE) is the line as
 * it is, in json and lua with the value 1. Text that ends with a newline gets no
 * second one.
 *
 * Works on value bytes. What they hold is told here without Lua, but for
 * opaque values: those are given to a function of the caller, which writes
 * tables in the notation that it is told.
 * Functions return 0, or -1 with ENOMEM, or EBADMSG for damaged bytes. */
#ifndef PARALLEL_LUA_SHUFFLE_RENDER_H
#define PARALLEL_LUA_SHUFFLE_RENDER_H

#include "core/shuffle/notation.h"

/* Appends an opaque value (all its bytes, the tag too) in JSON or Lua. */
typedef int RenderOpaque(void *context, const Notation *notation, const char *value, size_t size,
                         Buffer *to);

typedef struct {
    RenderOpaque *opaque;
    void *context;
} Renderer;

/* A pair, as bytes. */
typedef struct {
    const char *key, *value;
    size_t key_size, value_size;
} Pair;

typedef int Render(const Renderer *renderer, const Pair *pair, Buffer *to);

/* The formats by name, ended by one without. */
typedef struct {
    const char *name;
    Render *render;
} Format;
extern const Format FORMATS[];

/* The function of this format, or NULL. */
Render *render_find(const char *format);

/* Appends a string as a field of a line of CSV: in quotes where RFC 4180 asks for them. */
int render_csv_field(Buffer *to, const char *bytes, size_t size);

#endif
