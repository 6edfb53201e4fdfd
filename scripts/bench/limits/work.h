/* What the limits of the benchmarks have in common. */
#ifndef PARALLEL_LUA_BENCH_WORK_H
#define PARALLEL_LUA_BENCH_WORK_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* In seconds. */
static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Ends the program, with what errno says, unless all is well. */
static inline void check(int good) {
    if (good) return;
    perror("limit");
    exit(1);
}

#endif
