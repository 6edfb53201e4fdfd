/* Fault - named points at which a test build can be made to fail on purpose.
 *
 * Every state change of worker and pool calls FAULT("noun.event"), and every
 * entry of the system call table has the point "sys.NAME". A test arms them
 * with the environment variable PARALLEL_LUA_FAULT, or with fault_arm:
 *
 *     point:action@n     at the n-th time (from 1) the point is reached
 *     point:action@n+    at the n-th time and every time after it
 *     point:action@*     every time
 *
 * several joined by commas. Actions: kill, stop, segv, abort, interrupt
 * (signals to the process itself), killchild (the same as kill, but the process that armed it is
 * passed over, and what it does is not counted), exitN (_exit with status N), delayN (sleep N ms),
 * close (the argument of the point, a descriptor), short (what reads or writes moves one byte;
 * what sys.pipe2 or sys.socketpair makes has as little room as the kernel allows), and the name of
 * an errno such as ENOMEM (only meaningful at sys.* points, where the call fails with it, and where
 * FAULT_FAILS asks).
 *
 * What the variable PARALLEL_LUA_CIRCUMSTANCES names, in the same form, is armed behind all of
 * that: so a whole test run, whatever its tests arm and disarm, can be had with short reads.
 *
 * The counters live in shared memory: "the third time" counts over the whole
 * process tree, so that a replacement worker is not hit again. In a release
 * build the points vanish. */
#ifndef PARALLEL_LUA_OS_FAULT_H
#define PARALLEL_LUA_OS_FAULT_H

#ifdef PARALLEL_LUA_TESTING

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Replaces what is armed by `plan`, in the form above; NULL disarms all.
 * Returns 0, or -1 with the first part that is not understood copied to
 * `error`; then nothing is armed. Call it before workers are forked. */
int fault_arm(const char *plan, char *error, size_t size);

/* How often what was armed last has acted, in all processes; circumstances do not count. */
uint64_t fault_acted(void);

/* The point was reached; acts as armed. */
void fault_hit(const char *point, int fd);

/* For the system call table: true with errno set when the call is to fail;
 * *count (when not NULL) becomes 1 when the transfer is to be short. */
bool fault_fails(const char *point, size_t *count);

#define FAULT(point)        fault_hit(point, -1)
#define FAULT_FD(point, fd) fault_hit(point, fd)
#define FAULT_FAILS(point)  fault_fails(point, NULL)

#else

#define FAULT(point)        ((void)0)
#define FAULT_FD(point, fd) ((void)0)
#define FAULT_FAILS(point)  false

#endif
#endif
