/* A host with habits of its own, which runs a Lua script and then ends in its own way.
 *
 *    host HABIT END script.lua
 *
 * HABIT: plain; ignores, no_wait or reaps (what it does with SIGCHLD); guarded (all signals
 * blocked, a handler for SIGPIPE on a small stack of its own).
 * END: closes (its Lua state), exits, leaves (_exit), aborts, crashes.
 *
 * The script is given signals(), all that the process does with signals as one string;
 * broken_pipes(), how many SIGPIPE there were; and close_fd(n). */
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t broken_pipes;

static void count_pipe(int signal) {
    (void)signal;
    broken_pipes++;
}

static void reap_all(int signal) {
    (void)signal;
    int saved = errno;
    while (waitpid(-1, NULL, WNOHANG) > 0) {}
    errno = saved;
}

static void on(int signal, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(signal, &action, NULL);
}

static void take_up(const char *habit) {
    static char stack[16384];
    if (strcmp(habit, "ignores") == 0) on(SIGCHLD, SIG_IGN, 0);
    if (strcmp(habit, "no_wait") == 0) on(SIGCHLD, SIG_DFL, SA_NOCLDWAIT);
    if (strcmp(habit, "reaps") == 0) on(SIGCHLD, reap_all, 0);
    if (strcmp(habit, "guarded") == 0) {
        sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
        on(SIGPIPE, count_pipe, SA_ONSTACK);
        sigset_t all;
        sigfillset(&all);
        sigdelset(&all, SIGPIPE);
        sigprocmask(SIG_SETMASK, &all, NULL);
    }
}

static int signals(lua_State *L) {
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    sigset_t mask;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int signal = 1; signal < NSIG; signal++) {
        struct sigaction action = {0};
        sigaction(signal, NULL, &action);
        char line[96];
        snprintf(line, sizeof line, "%d %d %p %x\n", signal, sigismember(&mask, signal),
                 (void *)action.sa_sigaction, (unsigned)action.sa_flags);
        luaL_addstring(&text, line);
    }
    stack_t stack;
    sigaltstack(NULL, &stack);
    char line[96];
    snprintf(line, sizeof line, "%p %zu %d", stack.ss_sp, stack.ss_size, stack.ss_flags);
    luaL_addstring(&text, line);
    luaL_pushresult(&text);
    return 1;
}

static int count_broken_pipes(lua_State *L) {
    lua_pushinteger(L, broken_pipes);
    return 1;
}

static int close_fd(lua_State *L) {
    close((int)luaL_checkinteger(L, 1));
    return 0;
}

static void end(const char *way, lua_State *L) {
    if (strcmp(way, "closes") == 0) lua_close(L);
    if (strcmp(way, "exits") == 0) exit(0);
    if (strcmp(way, "leaves") == 0) _exit(0);
    if (strcmp(way, "aborts") == 0) abort();
    on(SIGSEGV, SIG_DFL, 0); // a sanitizer has a handler of its own
    if (strcmp(way, "crashes") == 0) raise(SIGSEGV);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    take_up(argv[1]);
    lua_State *L = luaL_newstate();
    if (!L) return 2;
    luaL_openlibs(L);
    lua_register(L, "signals", signals);
    lua_register(L, "broken_pipes", count_broken_pipes);
    lua_register(L, "close_fd", close_fd);
    if (luaL_dofile(L, argv[3])) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        return 1;
    }
    fflush(stdout);
    end(argv[2], L);
    return 0;
}
