/* Processors - how many of them this process may keep busy. */
#ifndef PARALLEL_LUA_OS_PROCESSORS_H
#define PARALLEL_LUA_OS_PROCESSORS_H

/* The smaller of the affinity mask and the cgroup's quota, rounded up; at least 1. */
int processors_usable(void);

/* From now on this process runs on one processor only: the number-th (from 0)
 * of those it may use, counted round. 0 or -1. */
int processors_pin(int number);

/* For loops that wait for another processor: leaves this one's power to others. */
static inline void processors_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
