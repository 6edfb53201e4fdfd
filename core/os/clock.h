/* Clock - monotonic time, which no change of the wall clock moves. */
#ifndef PARALLEL_LUA_OS_CLOCK_H
#define PARALLEL_LUA_OS_CLOCK_H

#include <stdint.h>
#include <time.h>

enum { NS_PER_MS = 1000000 };

/* Nanoseconds since some fixed moment. */
static inline uint64_t clock_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The same, up to some milliseconds ago: for marking time where reading the clock would cost more
 * than the work. */
static inline uint64_t clock_coarse(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
