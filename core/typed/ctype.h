/* Ctype - the types that numbers in shared memory may have.
 *
 *     i8 u8 i16 u16 i32 u32 i64 u64    integers of so many bits, signed and not
 *     f32 f64                          floats
 *     bool                             a byte, 0 or 1
 *
 * In the processor a number of any of them is a Scalar, eight bytes; which of its
 * fields is good, the kind of the type says. Those of the 64-bit types are the same
 * eight bytes in memory too. */
#ifndef PARALLEL_LUA_TYPED_CTYPE_H
#define PARALLEL_LUA_TYPED_CTYPE_H

#include <stddef.h>
#include <stdint.h>

typedef union {
    int64_t whole;
    uint64_t natural;
    double real;
} Scalar;

typedef enum {
    CTYPE_WHOLE,   // signed: Scalar.whole
    CTYPE_NATURAL, // unsigned: Scalar.natural
    CTYPE_REAL,    // Scalar.real
    CTYPE_TRUTH,   // Scalar.natural, 0 or 1
} CtypeKind;

typedef struct {
    const char *name;
    uint32_t number; // the same in every process
    CtypeKind kind;
    size_t size;   // in memory, which is also how it is aligned
    int64_t least; // integers only
    uint64_t most;
} Ctype;

#define CTYPE_NAMES "i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 bool"

/* NULL when there is none of that name, or number. */
const Ctype *ctype_named(const char *name);
const Ctype *ctype_numbered(uint32_t number);

/* What any number that is added to one of this type fits: f64 for floats, i64 for others. */
const Ctype *ctype_of_summands(const Ctype *type);

/* Reads `count` numbers that lie one after the other. */
void ctype_read(const Ctype *type, Scalar *to, const void *from, size_t count);

/* Writes them; each fits the type. */
void ctype_write(const Ctype *type, void *to, const Scalar *from, size_t count);

/* The sum as the type holds it: integers wrap, floats are rounded. */
Scalar ctype_add(const Ctype *type, Scalar a, Scalar b);

#endif
