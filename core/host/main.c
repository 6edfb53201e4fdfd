/* parallel-lua, the program: one Lua state with everything in it, and a tidy end.
 *
 * Which arguments there are and what they do is decided in lua/parallel/cli/init.lua.
 * Here are only the things that need C: the state, and signals. SIGPIPE keeps
 * its default, so that `| head` ends us as it ends any filter; the workers see
 * our end by their life pipes. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/lua/children.h"
#include "core/lua/compat.h"
#include "core/lua/heap.h"
#include "core/lua/interrupt.h"
#include "core/lua/module.h"
#include "core/lua/pool.h"
#include "core/os/clock.h"

enum { INPUT_OUTPUT = 3 }; // see lua/parallel/cli/init.lua

// A signal handler is given nothing to work with but what is static.
static lua_State *interrupted_state;
static volatile sig_atomic_t interrupted_by;

static void stop(lua_State *L, lua_Debug *unused) {
    (void)unused;
    interrupt_raise(L, "interrupted");
}

// The first signal raises an error in the Lua code, so that everything is
// closed in order; a second one, of either kind, ends us where we stand.
static void on_signal(int number) {
    interrupted_by = number;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    interrupt_request(interrupted_state, stop);
}

static void listen_for(int number) {
    struct sigaction before, action = {.sa_handler = on_signal}; // no SA_RESTART: waits shall end
    sigaction(number, NULL, &before);
    if (before.sa_handler == SIG_DFL) sigaction(number, &action, NULL); // nohup stays nohup
}

// ---- Ctrl-Z --------------------------------------------------------------

static void on_suspend(int number);

// The terminal stops our process group, and the workers are in groups of their own.
static void stand_still(void) {
    uint64_t since = clock_now();
    lua_State *L = interrupted_state;
    pools_pause(L);
    children_pause(L);
    signal(SIGTSTP, SIG_DFL);
    raise(SIGTSTP); // returns when somebody lets us go on
    sigaction(SIGTSTP, &(struct sigaction){.sa_handler = on_suspend}, NULL);
    pools_resume(L, clock_now() - since);
    children_resume(L);
}

static void suspend(lua_State *L, lua_Debug *unused) {
    (void)L;
    (void)unused;
    interrupt_heard(interrupted_state);
    stand_still();
}

// Where no Lua code runs that a hook could reach, waits end for the signal.
static void on_suspend(int number) {
    (void)number;
    if (interrupted_by) return;
    interrupt_request(interrupted_state, suspend);
}

static void listen_for_suspend(void) {
    struct sigaction before, action = {.sa_handler = on_suspend};
    sigaction(SIGTSTP, NULL, &before);
    if (before.sa_handler == SIG_DFL) sigaction(SIGTSTP, &action, NULL);
}

static void catch_signals(lua_State *L) {
    interrupted_state = L;
    interrupt_listen(L);
    listen_for_suspend();
    listen_for(SIGINT);
    listen_for(SIGTERM);
    listen_for(SIGHUP);
}

static void push_arguments(lua_State *L, int argc, char **argv) {
    lua_createtable(L, argc, 0);
    for (int i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i);
    }
}

// Started by a pool, for its workers (see lua/parallel/process/interpreter.lua): never comes back.
static int run_recruit(lua_State *L, const char *code) {
    if (luaL_loadstring(L, code) != 0) return lua_error(L);
    lua_gc(L, LUA_GCRESTART, 0);
    lua_call(L, 0, 0);
    return 0;
}

// Runs parallel.cli over the arguments; returns its exit status.
static int run(lua_State *L) {
    int argc = (int)lua_tointeger(L, 1);
    char **argv = lua_touserdata(L, 2);
    lua_gc(L, LUA_GCSTOP, 0); // what is loaded stays, so looking through it would be in vain
    luaL_openlibs(L);
    module_preload(L);
    if (argc == 3 && strcmp(argv[1], "--recruit") == 0) return run_recruit(L, argv[2]);
    catch_signals(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "parallel.cli");
    lua_call(L, 1, 1);
    lua_gc(L, LUA_GCRESTART, 0);
    push_arguments(L, argc, argv);
    lua_call(L, 1, 1);
    return 1;
}

static int die_of(int number) {
    fprintf(stderr, "parallel-lua: interrupted by SIG%s\n", sigabbrev_np(number));
    signal(number, SIG_DFL);
    raise(number);
    return 128 + number; // in case it is blocked
}

static int report(lua_State *L) {
    const char *message = lua_tostring(L, -1);
    fprintf(stderr, "parallel-lua: %s\n", message ? message : "error object is not a string");
    return 1;
}

// What the script printed: Lua's print does not look whether it went well.
static int check_output(int status) {
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    if (written || status != 0) return status;
    fputs("parallel-lua: cannot write the output\n", stderr);
    return INPUT_OUTPUT;
}

// A standard stream that we were started without would become the number of
// the next file that is opened. The wrong direction makes its use an error.
static void reserve_standard_streams(void) {
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) == -1) open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

typedef struct {
    lua_Alloc function;
    void *context;
} Allocator;

static void *keep(void *context, void *block, size_t from, size_t to) {
    Allocator *allocator = context;
    return to ? allocator->function(allocator->context, block, from, to) : NULL;
}

// Everything is finalized; but memory that ends with the process need not be given back
// block by block, which takes long where there is much.
static void close_state(lua_State *L) {
    Allocator allocator;
    allocator.function = lua_getallocf(L, &allocator.context);
    lua_setallocf(L, keep, &allocator);
    lua_close(L);
}

int main(int argc, char **argv) {
    reserve_standard_streams();
    lua_State *L = luaL_newstate();
    if (!L) {
        fputs("parallel-lua: not enough memory\n", stderr);
        return 1;
    }
    heap_begin(L);
    lua_pushcfunction(L, run);
    lua_pushinteger(L, argc);
    lua_pushlightuserdata(L, argv);
    int failed = lua_pcall(L, 2, 1, 0) != 0;
    int status = failed && !interrupted_by ? report(L) : (int)lua_tointeger(L, -1);
    if (interrupted_by) children_make_daemons(L); // nobody wants to wait for them
    close_state(L);
    return interrupted_by ? die_of(interrupted_by) : check_output(status);
}
