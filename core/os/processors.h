/* Processors - how many of them this process may keep busy. */
#ifndef PARALLEL_LUA_OS_PROCESSORS_H
#define PARALLEL_LUA_OS_PROCESSORS_H

/* The smaller of the affinity mask and the cgroup's quota, rounded up; at least 1. */
int processors_usable(void);

#endif
