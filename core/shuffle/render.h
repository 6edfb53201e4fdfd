/* Render - keys and values as text: tab-separated, or JSON.
 *
 * Works on value bytes. What they hold is told here without Lua, but for
 * opaque values: those are given to a function of the caller, which renders
 * tables with the same parts as are used here.
 * Functions return 0, or -1 with ENOMEM, or EBADMSG for damaged bytes. */
#ifndef PARALLEL_LUA_SHUFFLE_RENDER_H
#define PARALLEL_LUA_SHUFFLE_RENDER_H

#include <stdint.h>

#include "core/wire/buffer.h"

/* Appends an opaque value (all its bytes, the tag too) as JSON. */
typedef int RenderOpaque(void *context, const char *value, size_t size, Buffer *to);

typedef struct {
    RenderOpaque *opaque;
    void *context;
} Renderer;

/* One line: the key, a tab, the value. Tab, newline and carriage return in
 * strings become \t, \n, \r; a list of scalars is its elements with a space
 * between them; any other table is written as JSON. */
int render_tsv(const Renderer *renderer, const char *key, size_t key_size, const char *value,
               size_t size, Buffer *to);

/* One line: {"key": ..., "value": ...}. */
int render_json(const Renderer *renderer, const char *key, size_t key_size, const char *value,
                size_t size, Buffer *to);

/* Parts of JSON. Bytes that are no UTF-8 become U+FFFD each; infinities and
 * NaN become null; floats read back as the same float. */
int json_string(Buffer *to, const char *bytes, size_t size);
int json_float(Buffer *to, double number);
int json_integer(Buffer *to, int64_t number);
int json_value(const Renderer *renderer, const char *value, size_t size, Buffer *to);

static inline int render_text(Buffer *to, const char *text) {
    return buffer_append(to, text, strlen(text));
}

#endif
