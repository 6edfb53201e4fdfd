#include "core/os/linger.h"

#include <sched.h>
#include <stdbool.h>

#include "core/os/clock.h"
#include "core/os/sys.h"

enum { LONG_ENOUGH_NS = 50000, MOST_LEFT_OUT = 63, SHRINKS_BY = 8 };

static bool comes_soon(int fd, short events) {
    struct pollfd polled = {.fd = fd, .events = events};
    uint64_t until = clock_now() + LONG_ENOUGH_NS;
    do {
        if (sys.poll(&polled, 1, 0) != 0) return true; // an error too is for who waits
        sched_yield();
    } while (clock_now() < until);
    return false;
}

void linger(Linger *linger, int fd, short events) {
    if (linger->left_out < linger->leave_out) {
        linger->left_out++;
        return;
    }
    linger->left_out = 0;
    unsigned more = linger->leave_out * 2 + 1;
    if (comes_soon(fd, events))
        linger->leave_out /= SHRINKS_BY;
    else
        linger->leave_out = (uint8_t)(more < MOST_LEFT_OUT ? more : MOST_LEFT_OUT);
}
