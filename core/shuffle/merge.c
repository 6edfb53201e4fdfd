#include "core/shuffle/merge.h"

#include <errno.h>
#include <stdlib.h>

#include "core/os/sys.h"
#include "core/shuffle/ordered.h"

enum { LEAST_AHEAD = 1 << 12 };

size_t merge_most(size_t memory, size_t block) {
    // A block, and what was left of the one before when it was read.
    size_t most = memory / (block ? 2 * block : LEAST_AHEAD);
    return most < 2 ? 2 : most;
}

static size_t read_ahead(size_t memory, size_t count) {
    size_t each = memory / (count ? count : 1);
    if (each > CURSOR_AHEAD) return CURSOR_AHEAD;
    return each < LEAST_AHEAD ? LEAST_AHEAD : each;
}

int merge_add_all(Merge *merge, const Source *sources, size_t count, size_t memory) {
    size_t ahead = read_ahead(memory, count);
    if (count > UINT32_MAX) {
        errno = ENOMEM;
        return -1;
    }
    merge->cursors = sys.realloc(NULL, (count + 1) * sizeof *merge->cursors);
    if (!merge->cursors) return -1;
    merge->heap = sys.realloc(NULL, (count + 1) * sizeof *merge->heap);
    if (!merge->heap) return -1;
    for (; merge->count < count; merge->count++) {
        Cursor *cursor = &merge->cursors[merge->count];
        *cursor = (Cursor){.fd = -1};
        cursor_open(cursor, sources[merge->count].fd, &sources[merge->count].region, ahead,
                    &merge->scratch);
    }
    return 0;
}

static bool stands_before(const Merge *merge, unsigned i, unsigned j) {
    const Cursor *a = &merge->cursors[i], *b = &merge->cursors[j];
    if (a->prefix != b->prefix) return a->prefix < b->prefix;
    int order = ordered_compare(a->key, a->key_size, b->key, b->key_size);
    if (!order) order = ordered_compare(a->body, a->body_size, b->body, b->body_size);
    return order ? order < 0 : i < j;
}

static void sift_down(Merge *merge, unsigned at) {
    unsigned *heap = merge->heap, moved = heap[at];
    for (unsigned child; (child = 2 * at + 1) < merge->live; at = child) {
        if (child + 1 < merge->live && stands_before(merge, heap[child + 1], heap[child])) child++;
        if (!stands_before(merge, heap[child], moved)) break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

int merge_start(Merge *merge) {
    merge->live = 0;
    merge->taken = false;
    buffer_clear(&merge->key);
    for (unsigned i = 0; i < merge->count; i++) {
        int found = cursor_next(&merge->cursors[i]);
        if (found == -1) return -1;
        if (found) merge->heap[merge->live++] = i;
    }
    for (unsigned i = merge->live / 2; i-- > 0;) sift_down(merge, i);
    return 0;
}

// Moves on from the record that was handed out: 1 when one is on top, else 0 or -1.
static int settle(Merge *merge) {
    if (merge->taken) {
        int found = cursor_next(&merge->cursors[merge->heap[0]]);
        if (found == -1) return -1;
        if (!found) merge->heap[0] = merge->heap[--merge->live];
        merge->taken = false;
        if (merge->live) sift_down(merge, 0);
    }
    return merge->live > 0;
}

static const Cursor *take(Merge *merge) {
    merge->source = merge->heap[0];
    const Cursor *cursor = &merge->cursors[merge->source];
    merge->body = cursor->body;
    merge->body_size = cursor->body_size;
    merge->taken = true;
    return cursor;
}

int merge_record(Merge *merge, const char **key, size_t *size) {
    int found = settle(merge);
    if (found != 1) return found;
    const Cursor *cursor = take(merge);
    *key = cursor->key;
    *size = cursor->key_size;
    return 1;
}

static bool in_group(const Merge *merge) {
    const Cursor *cursor = &merge->cursors[merge->heap[0]];
    return cursor->key_size == buffer_size(&merge->key) &&
           memcmp(cursor->key, buffer_bytes(&merge->key), cursor->key_size) == 0;
}

int merge_body(Merge *merge) {
    int found = settle(merge);
    if (found != 1 || !in_group(merge)) return found == -1 ? -1 : 0;
    take(merge);
    return 1;
}

int merge_key(Merge *merge) {
    int found;
    while (buffer_size(&merge->key) && (found = merge_body(merge)) != 0)
        if (found == -1) return -1;
    if ((found = settle(merge)) != 1) return found;
    const Cursor *cursor = &merge->cursors[merge->heap[0]];
    buffer_clear(&merge->key);
    return buffer_append(&merge->key, cursor->key, cursor->key_size) == -1 ? -1 : 1;
}

void merge_close(Merge *merge) {
    for (unsigned i = 0; i < merge->count; i++) cursor_close(&merge->cursors[i]);
    free(merge->cursors);
    free(merge->heap);
    buffer_free(&merge->key);
    block_scratch_free(&merge->scratch);
    *merge = (Merge){0};
}
