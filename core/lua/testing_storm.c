#include "core/lua/testing_storm.h"

#include <signal.h>
#include <sys/time.h>

enum { SECOND = 1000000 }; // in microseconds

static void do_nothing(int signal) {
    (void)signal;
}

// testing.storm(rate): from now on so many SIGALRM a second for this process, caught without
// SA_RESTART; 0 ends it. Its children have none of it.
static int testing_storm(lua_State *L) {
    lua_Integer rate = luaL_checkinteger(L, 1);
    luaL_argcheck(L, rate == 0 || (rate > 1 && rate <= SECOND), 1, "0, or from 2 to a million");
    struct timeval pause = {.tv_usec = rate ? SECOND / rate : 0};
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = do_nothing}, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){pause, pause}, NULL);
    return 0;
}

void testing_storm_register(lua_State *L) {
    lua_pushcfunction(L, testing_storm);
    lua_setfield(L, -2, "storm");
}
