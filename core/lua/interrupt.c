#include "core/lua/interrupt.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "core/os/sys.h"
#include "core/pool/orders.h"

int interrupt_signal(void) {
    return ORDERS_SIGNAL;
}

// A signal handler is given nothing to work with but what is static.
static lua_State *listening;

static void raise_here(lua_State *L, lua_Debug *unused) {
    (void)unused;
    lua_sethook(L, NULL, 0, 0);
    luaL_error(L, "the process was interrupted");
}

static void on_signal(int number) {
    (void)number;
    lua_sethook(listening, raise_here, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

// Without SA_RESTART: a system call in which the code waits shall end too.
void interrupt_listen(lua_State *L) {
    struct sigaction action = {.sa_handler = on_signal};
    listening = L;
    sigaction(interrupt_signal(), &action, NULL);
}

// The signal is let in nowhere but in the wait itself, so that none comes between the look
// and the wait.
static int poll_blocked(struct pollfd *fds, nfds_t count, int timeout_ms, const sigset_t *before) {
    struct timespec time = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
    if (lua_gethook(listening) != raise_here)
        return sys.ppoll(fds, count, timeout_ms < 0 ? NULL : &time, before);
    errno = EINTR;
    return -1;
}

int interrupt_poll(struct pollfd *fds, nfds_t count, int timeout_ms) {
    if (!listening) return sys.poll(fds, count, timeout_ms);
    sigset_t own, before;
    sigemptyset(&own);
    sigaddset(&own, interrupt_signal());
    pthread_sigmask(SIG_BLOCK, &own, &before);
    int ready = poll_blocked(fds, count, timeout_ms, &before), error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return ready;
}

static int nothing(lua_State *L) {
    (void)L;
    return 0;
}

void interrupt_check(lua_State *L) {
    lua_pushcfunction(L, nothing);
    lua_call(L, 0, 0);
}
