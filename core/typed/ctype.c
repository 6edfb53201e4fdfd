#include "core/typed/ctype.h"

#include <string.h>

// Of each: its name, its type in C, the field of a Scalar that holds it, its kind and range.
#define CTYPES(X)                                                                                  \
    X(i8, int8_t, whole, CTYPE_WHOLE, INT8_MIN, INT8_MAX)                                          \
    X(u8, uint8_t, natural, CTYPE_NATURAL, 0, UINT8_MAX)                                           \
    X(i16, int16_t, whole, CTYPE_WHOLE, INT16_MIN, INT16_MAX)                                      \
    X(u16, uint16_t, natural, CTYPE_NATURAL, 0, UINT16_MAX)                                        \
    X(i32, int32_t, whole, CTYPE_WHOLE, INT32_MIN, INT32_MAX)                                      \
    X(u32, uint32_t, natural, CTYPE_NATURAL, 0, UINT32_MAX)                                        \
    X(i64, int64_t, whole, CTYPE_WHOLE, INT64_MIN, INT64_MAX)                                      \
    X(u64, uint64_t, natural, CTYPE_NATURAL, 0, UINT64_MAX)                                        \
    X(f32, float, real, CTYPE_REAL, 0, 0)                                                          \
    X(f64, double, real, CTYPE_REAL, 0, 0)                                                         \
    X(bool, uint8_t, natural, CTYPE_TRUTH, 0, 1)

#define NUMBER(type, c, field, kind, least, most) NUMBER_##type,
enum { CTYPES(NUMBER) TYPES };

#define ENTRY(type, c, field, kind, least, most)                                                   \
    {#type, NUMBER_##type, kind, sizeof(c), least, most},
static const Ctype ALL[] = {CTYPES(ENTRY)};

const Ctype *ctype_named(const char *name) {
    for (int i = 0; i < TYPES; i++)
        if (strcmp(name, ALL[i].name) == 0) return &ALL[i];
    return NULL;
}

const Ctype *ctype_numbered(uint32_t number) {
    return number < TYPES ? &ALL[number] : NULL;
}

const Ctype *ctype_of_summands(const Ctype *type) {
    return &ALL[type->kind == CTYPE_REAL ? NUMBER_f64 : NUMBER_i64];
}

#define READ(type, c, field, kind, least, most)                                                    \
    case NUMBER_##type:                                                                            \
        for (size_t i = 0; i < count; i++) {                                                       \
            c n;                                                                                   \
            memcpy(&n, (const char *)from + i * sizeof n, sizeof n);                               \
            to[i].field = n;                                                                       \
        }                                                                                          \
        break;

void ctype_read(const Ctype *type, Scalar *to, const void *from, size_t count) {
    switch (type->number) { CTYPES(READ) } // NOLINT(bugprone-signed-char-misuse): i8 has a sign
}

#define WRITE(type, c, field, kind, least, most)                                                   \
    case NUMBER_##type:                                                                            \
        for (size_t i = 0; i < count; i++) {                                                       \
            c n = (c)from[i].field;                                                                \
            memcpy((char *)to + i * sizeof n, &n, sizeof n);                                       \
        }                                                                                          \
        break;

void ctype_write(const Ctype *type, void *to, const Scalar *from, size_t count) {
    switch (type->number) { CTYPES(WRITE) }
}

// By way of memory, which rounds a float and cuts an integer down to its bits.
Scalar ctype_add(const Ctype *type, Scalar a, Scalar b) {
    Scalar sum, memory;
    if (type->kind == CTYPE_REAL)
        sum.real = a.real + b.real;
    else
        sum.natural = a.natural + b.natural;
    ctype_write(type, &memory, &sum, 1);
    ctype_read(type, &sum, &memory, 1);
    return sum;
}
