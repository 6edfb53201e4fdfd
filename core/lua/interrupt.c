#include "core/lua/interrupt.h"

#include <signal.h>

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

static int nothing(lua_State *L) {
    (void)L;
    return 0;
}

void interrupt_check(lua_State *L) {
    lua_pushcfunction(L, nothing);
    lua_call(L, 0, 0);
}
