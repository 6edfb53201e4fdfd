/* Gist - all bytes of a short string, in two numbers: enough to tell it from
 * any other of its size, and to make its hash of. Most keys are words. */
#ifndef PARALLEL_LUA_SHUFFLE_GIST_H
#define PARALLEL_LUA_SHUFFLE_GIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint64_t a, b;
} Gist;

enum { LONGEST_GIST = 16 };

static inline uint64_t gist_load32(const char *from) {
    uint32_t n;
    memcpy(&n, from, sizeof n);
    return n;
}

/* `size` is at most LONGEST_GIST. */
static inline Gist gist_of(const char *bytes, size_t size) {
    if (size >= 4) { // four words that overlap as far as need be
        const char *last = bytes + size - 4;
        size_t step = size / 8 * 4;
        return (Gist){gist_load32(bytes) << 32 | gist_load32(bytes + step),
                      gist_load32(last) << 32 | gist_load32(last - step)};
    }
    if (!size) return (Gist){0, 0};
    return (Gist){(uint64_t)(uint8_t)bytes[0] << 16 | (uint64_t)(uint8_t)bytes[size / 2] << 8 |
                      (uint8_t)bytes[size - 1],
                  0};
}

static inline bool gist_equals(Gist gist, Gist other) {
    return ((gist.a ^ other.a) | (gist.b ^ other.b)) == 0;
}

/* Two factors' product folded, as wyhash mixes them. */
static inline uint32_t gist_hash(Gist gist, size_t size) {
    unsigned __int128 product = (unsigned __int128)(gist.a ^ UINT64_C(0xa0761d6478bd642f)) *
                                (gist.b ^ size ^ UINT64_C(0xe7037ed1a0b428db));
    uint64_t folded = (uint64_t)(product >> 64) ^ (uint64_t)product;
    return (uint32_t)(folded ^ folded >> 32);
}

#endif
