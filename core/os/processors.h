/* Processors - how many of them this process may keep busy. */
#ifndef PARALLEL_LUA_OS_PROCESSORS_H
#define PARALLEL_LUA_OS_PROCESSORS_H

/* The smaller of the affinity mask and the cgroup's quota, rounded up; at least 1. */
int processors_usable(void);

/* What the control groups (of version 2) from root/group up to root allow, in processors,
 * rounded up: a limit set on any group above ours holds for us too. INT_MAX: none is set. */
int processors_quota(const char *root, const char *group);

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
