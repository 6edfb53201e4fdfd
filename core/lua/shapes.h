/* Shapes - the sequences of keys that records of a message had so far, so that
 * a record of a known shape need not repeat its keys.
 *
 * A small cache that may forget: a shape that is pushed out by another is sent
 * again. All zero is a valid empty one. */
#ifndef PARALLEL_LUA_LUA_SHAPES_H
#define PARALLEL_LUA_LUA_SHAPES_H

#include <stddef.h>
#include <stdint.h>

#include "core/lua/codec_format.h"

enum { SHAPE_SLOTS = 64 };

typedef struct {
    uint64_t message; // the message it belongs to; older ones are forgotten
    size_t place;
    int count;
    const void *keys[MOST_FIELDS]; // strings, by their addresses
} Shape;

typedef struct {
    uint64_t message;
    size_t last; // the slot that was asked for last, which mostly is asked for again
    Shape slots[SHAPE_SLOTS];
} Shapes;

/* The place of the shape with these keys; 0 when it was not known, then it is
 * noted as standing at `place`. */
size_t shapes_note(Shapes *shapes, const void *const *keys, int count, size_t place);

/* Forgets all shapes. */
static inline void shapes_clear(Shapes *shapes) {
    shapes->message++;
}

#endif
