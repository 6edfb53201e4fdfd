#include "core/lua/testing_storm.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

enum { SECOND = 1000000 }; // in microseconds

static void do_nothing(int signal) {
    (void)signal;
}

void testing_storm_begin(void) {
    const char *text = getenv("PARALLEL_LUA_STORM");
    int rate = text ? atoi(text) : 0;
    if (rate < 2 || rate > SECOND) return;
    struct timeval pause = {.tv_usec = SECOND / rate};
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = do_nothing}, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){pause, pause}, NULL);
}
