#include "core/lua/interrupt.h"

#include <signal.h>
#include <time.h>

#include "core/os/clock.h"
#include "core/os/sys.h"
#include "core/pool/orders.h"

enum { REPEAT_MS = 20 }; // how long a wait that the signal just missed may last

int interrupt_signal(void) {
    return ORDERS_SIGNAL;
}

// A signal handler is given nothing to work with but what is static.
static lua_State *listening;
static volatile lua_Hook asked; // has not run yet; NULL: none was asked for
static lua_State *volatile asked_in;
static timer_t timer;
static bool has_timer;
static unsigned raised;

static void set_timer(long ms) {
    struct timespec time = {.tv_nsec = ms * (long)NS_PER_MS};
    struct itimerspec every = {.it_value = time, .it_interval = time};
    if (has_timer) timer_settime(timer, 0, &every, NULL);
}

static void set_hook(lua_State *L, lua_Hook hook) {
    lua_sethook(L, hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

void interrupt_request(lua_State *L, lua_Hook hook) {
    set_hook(L, hook);
    asked_in = L;
    asked = hook;
    set_timer(REPEAT_MS);
}

void interrupt_heard(lua_State *L) {
    lua_sethook(L, NULL, 0, 0);
    if (asked) lua_sethook(asked_in, NULL, 0, 0);
    asked = NULL;
    set_timer(0);
}

int interrupt_raise(lua_State *L, const char *message) {
    interrupt_heard(L);
    raised++;
    return luaL_error(L, "%s", message);
}

unsigned interrupt_count(void) {
    return raised;
}

static void raise_here(lua_State *L, lua_Debug *unused) {
    (void)unused;
    interrupt_raise(L, "the process was interrupted");
}

// The timer's signal did all it is for when it ended a system call.
static void on_signal(int number, siginfo_t *info, void *unused) {
    (void)number;
    (void)unused;
    if (info->si_code != SI_TIMER) interrupt_request(listening, raise_here);
}

// Without SA_RESTART: a system call in which the code waits shall end too. Where there can
// be no timer, an interrupt that just misses a wait is heard after it.
void interrupt_listen(lua_State *L) {
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = interrupt_signal()};
    listening = L;
    sigaction(interrupt_signal(), &action, NULL);
    has_timer = sys.timer_create(CLOCK_MONOTONIC, &event, &timer) == 0;
}

static int nothing(lua_State *L) {
    (void)L;
    return 0;
}

// Lua 5.4 has a hook for each coroutine, and it may be one of them that waits.
static bool push_call(lua_State *L) {
    if (asked) set_hook(L, asked);
    if (!lua_gethook(L)) return false;
    lua_pushcfunction(L, nothing);
    return true;
}

void interrupt_check(lua_State *L) {
    if (push_call(L)) lua_call(L, 0, 0);
}

int interrupt_check_safely(lua_State *L) {
    return push_call(L) ? lua_pcall(L, 0, 0, 0) : 0;
}
