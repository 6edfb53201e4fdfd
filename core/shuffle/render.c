#include "core/shuffle/render.h"

#include <errno.h>
#include <stdlib.h>

#include "core/os/sys.h"
#include "core/shuffle/ordered.h"

static int damaged(void) {
    errno = EBADMSG;
    return -1;
}

/* ---- values ---- */

static int append_value(const Renderer *renderer, const Notation *notation, const char *value,
                        size_t size, Buffer *to);

static bool has_maps(const Notation *notation) {
    return notation->open_map != NULL;
}

static int append_string(Buffer *to, const OrderedItem *item, const Notation *notation) {
    size_t size = item->string.size - item->string.escapes;
    if (!item->string.escapes) return notation->string(to, item->string.bytes, size);
    char *copy = sys.realloc(NULL, size + 1);
    if (!copy) return -1;
    item_copy(item, copy);
    int result = notation->string(to, copy, size);
    free(copy);
    return result;
}

static int append_scalar(Buffer *to, const OrderedItem *item, const Notation *notation) {
    switch (item->kind) {
    case ITEM_BOOLEAN: return notation_text(to, item->boolean ? "true" : "false");
    case ITEM_INTEGER: return notation->integer(to, item->integer);
    case ITEM_FLOAT: return notation->number(to, item->number);
    case ITEM_STRING: return append_string(to, item, notation);
    default: return damaged();
    }
}

static int append_elements(Buffer *to, OrderedReader *reader, const Notation *notation) {
    OrderedItem item;
    int found;
    for (bool first = true; (found = ordered_next(reader, &item)) == 1; first = false) {
        if (item.kind == ITEM_END) return notation_text(to, notation->close);
        if (!first && notation_text(to, notation->comma) == -1) return -1;
        if (append_scalar(to, &item, notation) == -1) return -1;
    }
    return found == -1 ? -1 : damaged();
}

static int append_ordered(const char *value, size_t size, Buffer *to, const Notation *notation) {
    OrderedReader reader = {value, value + size, false};
    OrderedItem item;
    int found = ordered_next(&reader, &item);
    if (found != 1) return found == -1 ? -1 : damaged();
    if (item.kind != ITEM_LIST) return append_scalar(to, &item, notation);
    // An empty table might be a list or not; it counts as a map, as most encoders have it.
    if (has_maps(notation) && reader.end - reader.at == 1)
        return notation_text(to, notation->open_map) == -1 ? -1
                                                           : notation_text(to, notation->close_map);
    if (notation_text(to, notation->open) == -1) return -1;
    return append_elements(to, &reader, notation);
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

static int append_sequence(const Renderer *renderer, const Notation *notation, const char *value,
                           size_t size, Buffer *to) {
    const char *at = value + 1, *element;
    size_t element_size;
    int found;
    if (notation_text(to, notation->open) == -1) return -1;
    for (bool first = true;
         (found = sequence_next(&at, value + size, &element, &element_size)) == 1; first = false) {
        if (!first && notation_text(to, notation->comma) == -1) return -1;
        if (*element == VALUE_SEQUENCE) return damaged(); // they do not nest
        if (append_value(renderer, notation, element, element_size, to) == -1) return -1;
    }
    return found == -1 ? -1 : notation_text(to, notation->close);
}

// Where names must be strings, another value is named by what it looks like.
static int append_name(const Renderer *renderer, const Notation *notation, const char *value,
                       size_t size, Buffer *to) {
    if (!notation->named_by_strings || *value == ORDERED_STRING)
        return append_value(renderer, notation, value, size, to);
    Buffer name = {0};
    int result = append_value(renderer, notation, value, size, &name);
    if (result == 0) result = notation->string(to, buffer_bytes(&name), buffer_size(&name));
    buffer_free(&name);
    return result;
}

static int append_counted(const Renderer *renderer, const Notation *notation, const char *value,
                          size_t size, uint64_t times, Buffer *to) {
    if (*value == VALUE_HISTOGRAM) return damaged(); // they do not nest
    if (notation_text(to, notation->before_name) == -1) return -1;
    if (append_name(renderer, notation, value, size, to) == -1) return -1;
    if (notation_text(to, notation->after_name) == -1) return -1;
    return notation_integer(to, (int64_t)times);
}

static int append_histogram(const Renderer *renderer, const Notation *notation, const char *value,
                            size_t size, Buffer *to) {
    const char *at = value + 1, *counted, *end = value + size;
    size_t counted_size;
    uint64_t times;
    int found;
    if (notation_text(to, notation->open_map) == -1) return -1;
    for (bool first = true;
         (found = histogram_next(&at, end, &counted, &counted_size, &times)) == 1; first = false) {
        if (!first && notation_text(to, notation->comma) == -1) return -1;
        if (append_counted(renderer, notation, counted, counted_size, times, to) == -1) return -1;
    }
    return found == -1 ? -1 : notation_text(to, notation->close_map);
}

// What a text without maps cannot say, JSON says in it.
static int append_value(const Renderer *renderer, const Notation *notation, const char *value,
                        size_t size, Buffer *to) {
    if (!size) return damaged();
    bool is_sequence = *value == VALUE_SEQUENCE;
    bool is_deep = *value == VALUE_OPAQUE || *value == VALUE_HISTOGRAM ||
                   (is_sequence && !has_maps(notation) && !holds_scalars(value, size));
    if (is_deep && !has_maps(notation)) notation = &NOTATION_JSON;
    if (is_sequence) return append_sequence(renderer, notation, value, size, to);
    if (*value == VALUE_HISTOGRAM) return append_histogram(renderer, notation, value, size, to);
    if (*value == VALUE_NONE) return notation_text(to, "1");
    if (*value == VALUE_OPAQUE)
        return renderer->opaque(renderer->context, notation, value, size, to);
    return append_ordered(value, size, to, notation);
}

/* ---- pairs ---- */

static int append_key(const Renderer *renderer, const Notation *notation, const Pair *pair,
                      Buffer *to) {
    return append_value(renderer, notation, pair->key, pair->key_size, to);
}

static int append_pair_value(const Renderer *renderer, const Notation *notation, const Pair *pair,
                             Buffer *to) {
    return append_value(renderer, notation, pair->value, pair->value_size, to);
}

static bool is_alone(const Pair *pair) {
    return pair->value_size == 1 && *pair->value == VALUE_NONE;
}

static int end_line(Buffer *to, size_t start) {
    size_t size = buffer_size(to);
    return size > start && buffer_bytes(to)[size - 1] == '\n' ? 0 : buffer_append_byte(to, '\n');
}

static int append_alone(const Renderer *renderer, const Pair *pair, Buffer *to) {
    size_t start = buffer_size(to);
    if (append_key(renderer, &NOTATION_PLAIN, pair, to) == -1) return -1;
    return end_line(to, start);
}

static int render_tsv(const Renderer *renderer, const Pair *pair, Buffer *to) {
    if (is_alone(pair)) return append_alone(renderer, pair, to);
    if (append_key(renderer, &NOTATION_TSV, pair, to) == -1) return -1;
    if (notation_text(to, "\t") == -1) return -1;
    if (append_pair_value(renderer, &NOTATION_TSV, pair, to) == -1) return -1;
    return notation_text(to, "\n");
}

static int render_raw(const Renderer *renderer, const Pair *pair, Buffer *to) {
    if (is_alone(pair)) return append_alone(renderer, pair, to);
    size_t start = buffer_size(to);
    if (append_pair_value(renderer, &NOTATION_PLAIN, pair, to) == -1) return -1;
    return end_line(to, start);
}

static int render_json(const Renderer *renderer, const Pair *pair, Buffer *to) {
    if (notation_text(to, "{\"key\": ") == -1) return -1;
    if (append_key(renderer, &NOTATION_JSON, pair, to) == -1) return -1;
    if (notation_text(to, ", \"value\": ") == -1) return -1;
    if (append_pair_value(renderer, &NOTATION_JSON, pair, to) == -1) return -1;
    return notation_text(to, "}\n");
}

static int render_lua(const Renderer *renderer, const Pair *pair, Buffer *to) {
    if (notation_text(to, "{") == -1) return -1;
    if (append_key(renderer, &NOTATION_LUA, pair, to) == -1) return -1;
    if (notation_text(to, ", ") == -1) return -1;
    if (append_pair_value(renderer, &NOTATION_LUA, pair, to) == -1) return -1;
    return notation_text(to, "},\n");
}

/* ---- CSV ---- */

static bool needs_quotes(const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (bytes[i] == ',' || bytes[i] == '"' || bytes[i] == '\n' || bytes[i] == '\r') return true;
    return false;
}

int render_csv_field(Buffer *to, const char *bytes, size_t size) {
    if (!needs_quotes(bytes, size)) return buffer_append(to, bytes, size);
    if (buffer_reserve(to, 2 * size + 2) == -1) return -1;
    buffer_put(to, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '"') buffer_put(to, "\"", 1);
        buffer_put(to, &bytes[i], 1);
    }
    buffer_put(to, "\"", 1);
    return 0;
}

// The text that stands behind `start` becomes a field.
static int make_field(Buffer *to, size_t start) {
    size_t size = buffer_size(to) - start;
    if (!needs_quotes(buffer_bytes(to) + start, size)) return 0;
    char *copy = sys.realloc(NULL, size);
    if (!copy) return -1;
    memcpy(copy, buffer_bytes(to) + start, size);
    to->end -= size;
    int result = render_csv_field(to, copy, size);
    free(copy);
    return result;
}

static int render_csv(const Renderer *renderer, const Pair *pair, Buffer *to) {
    size_t start = buffer_size(to);
    if (append_key(renderer, &NOTATION_PLAIN, pair, to) == -1) return -1;
    if (make_field(to, start) == -1) return -1;
    if (is_alone(pair)) return notation_text(to, "\n");
    if (notation_text(to, ",") == -1) return -1;
    start = buffer_size(to);
    if (append_pair_value(renderer, &NOTATION_PLAIN, pair, to) == -1) return -1;
    return make_field(to, start) == -1 ? -1 : notation_text(to, "\n");
}

const Format FORMATS[] = {{"tsv", render_tsv}, {"json", render_json}, {"csv", render_csv},
                          {"lua", render_lua}, {"raw", render_raw},   {NULL, NULL}};

Render *render_find(const char *format) {
    for (const Format *one = FORMATS; one->name; one++)
        if (strcmp(one->name, format) == 0) return one->render;
    return NULL;
}
