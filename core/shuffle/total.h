/* Total - a sum of doubles without any rounding, whatever they are and in whatever order.
 *
 * It is a fixed-point number, wide enough for every double and 2^64 of the
 * largest: bit 0 stands for 2^-1074. Only the words that were ever touched are
 * kept, in two's complement, and the sign stands for all words above them:
 *
 *       0   . . . first          first + count    . . .  37
 *       | zeros   | words . . . . . |  sign word . . . . |
 *
 * So most totals take four words, and none more than 37. Infinities and NaN are
 * only noted. The total is turned into a double once, at the end: the same one
 * however the numbers were spread over workers, partitions and runs.
 *
 * A total lies in an arena, and grows by moving; Ref 0 is one of no numbers. */
#ifndef PARALLEL_LUA_SHUFFLE_TOTAL_H
#define PARALLEL_LUA_SHUFFLE_TOTAL_H

#include "core/shuffle/arena.h"
#include "core/wire/buffer.h"

/* Adds a number. 0, or -1 with ENOMEM, the total as it was. */
int total_add(Arena *arena, Ref *total, double number);
int total_add_integer(Arena *arena, Ref *total, int64_t number);

/* Appends the total as bytes, and adds such bytes. 0, or -1 with ENOMEM, or
 * EBADMSG when they are damaged. */
int total_save(const Arena *arena, Ref total, Buffer *to);
int total_absorb(Arena *arena, Ref *total, const char *bytes, size_t size);

/* The double nearest to the total and an integer together; a tie goes to the even one. */
double total_result(const Arena *arena, Ref total, int64_t more);

#endif
