/* Linger - to look for what is about to come before sleeping until it has come.
 *
 * An idle processor takes its time to wake, 20 to 50 us under most hypervisors, which is more than
 * most answers take to come. So who waits looks again and again for about that long, and lets
 * others run between the looks. Where that was in vain it is left out the next times, ever more of
 * them: so it costs nothing worth telling where waits are long. */
#ifndef PARALLEL_LUA_OS_LINGER_H
#define PARALLEL_LUA_OS_LINGER_H

#include <stdint.h>

/* Of one who waits; all zero at first. */
typedef struct {
    uint8_t left_out;  // waits since it last looked
    uint8_t leave_out; // how many are to be
} Linger;

/* Call it before a wait for any of `events` (as of poll) at the descriptor. */
void linger(Linger *linger, int fd, short events);

#endif
