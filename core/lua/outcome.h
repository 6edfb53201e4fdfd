/* Outcome - what became of one item, as bytes: core/lua/items.c writes them in
 * the worker, core/lua/outcomes.c reads them in the pool's owner.
 *
 * A run of outcomes is OUTCOME_FIRST with the place (from 1) of the item it
 * begins with, then one outcome for each item, and when the chunk is done
 * OUTCOME_END or OUTCOME_LEFT. Runs may follow each other. An outcome is a tag byte and what
 * the tag asks for:
 *
 *     1xxxxxxx    one integer from SMALL_LEAST on, in the tag itself
 *     01xxxxxx    one string of up to 63 bytes, which follow
 *     00xxxxxx    an OutcomeTag
 *
 * Printed is the number of the report, the size of what went to stdout, that, and what
 * went to stderr.
 *
 * Sizes, places and numbers are varints. */
#ifndef PARALLEL_LUA_LUA_OUTCOME_H
#define PARALLEL_LUA_LUA_OUTCOME_H

typedef enum {
    OUTCOME_NIL,
    OUTCOME_FALSE,
    OUTCOME_TRUE,
    OUTCOME_INTEGER, // zigzag varint
    OUTCOME_FLOAT,   // eight bytes
    OUTCOME_STRING,  // size, bytes
    OUTCOME_VALUES,  // size, a message of the codec: any number of any values
    OUTCOME_FAILED,  // size, a message of the codec: a table with the fields of a Failure
    OUTCOME_FIRST,   // place
    OUTCOME_END,     // eight bytes: the seconds that the chunk took, as a float
    OUTCOME_PRINTED, // size, Printed: no outcome, but what the item of the next one printed
    OUTCOME_BEGAN,   // eight bytes: when the item of the next outcome began, as core.clock
    OUTCOME_LEFT,    // the same as END, and the items after these are left to another worker
    OUTCOME_SHARED, // number of shared objects, which come beside the bytes; then as OUTCOME_VALUES
} OutcomeTag;

enum {
    OUTCOME_SHORT_STRING = 0x40,  // and the size
    OUTCOME_SMALL_INTEGER = 0x80, // and the integer less OUTCOME_SMALL_LEAST
    OUTCOME_SMALL_LEAST = -16,
    OUTCOME_SMALL_MOST = 111,
    OUTCOME_LONGEST_SHORT = 63,
    OUTCOME_SCALAR = 16, // bytes that suffice for any outcome of fixed size, and before any bytes
};

#endif
