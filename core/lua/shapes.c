#include "core/lua/shapes.h"

#include <stdbool.h>
#include <string.h>

static Shape *shapes_slot(Shapes *shapes, const void *const *keys, int count) {
    uint64_t hash = 0;
    for (int i = 0; i < count; i++) hash = (hash ^ (uintptr_t)keys[i]) * 0x9e3779b97f4a7c15u;
    return &shapes->slots[hash >> 32 & (SHAPE_SLOTS - 1)];
}

static bool has_keys(const Shape *shape, uint64_t message, const void *const *keys, int count) {
    if (shape->message != message || shape->count != count) return false;
    for (int i = 0; i < count; i++)
        if (shape->keys[i] != keys[i]) return false;
    return true;
}

size_t shapes_note(Shapes *shapes, const void *const *keys, int count, size_t place) {
    // Messages are counted from 0, and a slot that was never used says 0.
    uint64_t message = shapes->message + 1;
    Shape *shape = &shapes->slots[shapes->last];
    if (has_keys(shape, message, keys, count)) return shape->place;
    shape = shapes_slot(shapes, keys, count);
    shapes->last = (size_t)(shape - shapes->slots);
    if (has_keys(shape, message, keys, count)) return shape->place;
    size_t size = (size_t)count * sizeof *keys;
    shape->message = message;
    shape->place = place;
    shape->count = count;
    memcpy(shape->keys, keys, size);
    return 0;
}
