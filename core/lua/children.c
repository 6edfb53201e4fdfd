#include "core/lua/children.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/lua/blame.h"
#include "core/lua/child.h"
#include "core/lua/collected.h"
#include "core/lua/core.h"
#include "core/lua/failed.h"
#include "core/lua/heap.h"
#include "core/lua/interrupt.h"
#include "core/lua/reach.h"
#include "core/lua/shared.h"
#include "core/os/clock.h"
#include "core/os/descriptor.h"
#include "core/os/fault.h"
#include "core/os/mapping.h"
#include "core/os/process.h"
#include "core/os/sys.h"

static const char CHILD[] = "parallel.core.child";
static const char CHILDREN[] = "parallel.core.children";
static const char KEY; // its address is the key of the state's Children in the registry

enum { GRACE_MS = 1000, LOOK_AGAIN_MS = 2, UNKNOWN_END = 255, FAILED = 1 };

typedef struct Child Child;

struct Child {
    Child *next; // of those that run
    pid_t owner; // its parent
    Process process;
    int ended_pipe;         // closed at its end, where the kernel has no pidfd; or -1
    _Atomic int *listening; // shared with it: it may be interrupted; NULL: it has ended
    bool daemon, running;
    int exitcode;
    int self, object; // references in the registry while it runs
};

// One for each state, and older than all that its finalizer shall outlive.
typedef struct {
    pid_t owner;
    Child *first;
    int kilobytes; // of the heap when it was last made old
} Children;

static Children *children_of(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &KEY);
    Children *children = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return children;
}

static Child *check(lua_State *L) {
    return luaL_checkudata(L, 1, CHILD);
}

// ---- in the child --------------------------------------------------------

// What the child needs; it lies on the parent's stack, and fork copies it.
typedef struct {
    lua_State *L;      // the caller's
    lua_State *thread; // with prepare, f and f's arguments on its stack
    const Buffer *kept;
    _Atomic int *listening;
} Birth;

static void print_error(lua_State *L, const char *name) {
    fflush(stdout);
    const char *message = lua_tostring(L, -1), *traceback = "";
    if (lua_istable(L, -1)) { // the account of failed_handler
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        message = lua_tostring(L, -2);
        traceback = lua_tostring(L, -1);
    }
    fprintf(stderr, "Process %s:\n%s\n%s%s", name, message ? message : "unknown error", traceback,
            *traceback ? "\n" : "");
}

// From now on it may be interrupted; before, the signal would have ended it.
static void begin_listening(const Birth *birth) {
    interrupt_listen(birth->thread);
    atomic_store(birth->listening, 1);
    FAULT("process.begin");
}

// prepare, f, arguments ...: the stack of a thread of its own, so that a traceback
// tells of f and not of the call in which it was forked.
static int run(const Birth *birth) {
    lua_State *L = birth->thread;
    char name[64] = "?";
    int count = lua_gettop(L) - 2;
    lua_pushcfunction(L, failed_handler);
    lua_insert(L, 1);
    lua_pushvalue(L, 2);
    bool failed = lua_pcall(L, 0, 1, 1) != 0;
    if (!failed) {
        if (lua_isstring(L, -1)) snprintf(name, sizeof name, "%s", lua_tostring(L, -1));
        lua_pop(L, 1);
        begin_listening(birth);
        failed = lua_pcall(L, count, 0, 1) != 0;
    }
    if (failed) print_error(L, name);
    return failed ? FAILED : 0;
}

static int live(void *context, int life) {
    const Birth *birth = context;
    child_begin(birth->L, life, birth->kept);
    int status = run(birth);
    FAULT("process.done");
    child_end(birth->L);
    return status;
}

// ---- starting ------------------------------------------------------------

static Child *child_new(lua_State *L) {
    Child *child = lua_newuserdatauv(L, sizeof *child, 0);
    *child = (Child){.owner = getpid(),
                     .process = PROCESS_NONE,
                     .ended_pipe = -1,
                     .self = LUA_NOREF,
                     .object = LUA_NOREF};
    luaL_setmetatable(L, CHILD);
    return child;
}

// Pushes a list of the descriptors that the child keeps, which the collector frees.
// Those of the values from `first` on are among them.
static Buffer *push_kept(lua_State *L, int first, int count) {
    Buffer *kept = collected_buffer(L);
    reach_descriptors(L, first, count, kept);
    lua_pushglobaltable(L);
    reach_descriptors(L, lua_gettop(L), 1, kept);
    lua_pop(L, 1);
    if (shared_keep(L, kept) == -1) luaL_error(L, "not enough memory");
    return kept;
}

// A pipe whose writing end the child alone will have; its number goes among those it keeps.
static int make_ended_pipe(Child *child, Buffer *kept, int *theirs) {
    int probe = sys.pidfd_open(getpid(), 0);
    if (probe != -1) {
        descriptor_close(&probe);
        return 0;
    }
    if (descriptor_pipe(&child->ended_pipe, theirs) == -1) return -1;
    return buffer_append(kept, theirs, sizeof *theirs);
}

static int fork_child(Child *child, Birth *birth, Buffer *kept) {
    int theirs = -1, started = -1;
    birth->listening = child->listening = mapping_share(sizeof *child->listening);
    if (child->listening && make_ended_pipe(child, kept, &theirs) == 0) {
        const int *fds = (const int *)(const void *)buffer_bytes(kept);
        FAULT("process.fork");
        started = process_start(&child->process, fds, (int)(buffer_size(kept) / sizeof *fds), live,
                                birth);
    }
    descriptor_close(&theirs);
    return started;
}

// So many kilobytes that are young are copied sooner than they are collected.
enum { YOUNG_ENOUGH = 256 };

static void let_grow_old(lua_State *L) {
    Children *children = children_of(L);
    if (abs(lua_gc(L, LUA_GCCOUNT, 0) - children->kilobytes) < YOUNG_ENOUGH) return;
    heap_grow_old(L);
    children->kilobytes = lua_gc(L, LUA_GCCOUNT, 0);
}

static void enlist(lua_State *L, Child *child) {
    Children *children = children_of(L);
    child->running = true;
    child->next = children->first;
    children->first = child;
}

enum { OBJECT = 1, DAEMON, PREPARE, F };

// core.start_child(object, daemon, prepare, f, ...): nil, message, errno when it cannot be started.
static int core_start_child(lua_State *L) {
    int last = lua_gettop(L);
    luaL_checktype(L, F, LUA_TFUNCTION);
    Child *child = child_new(L);
    child->daemon = lua_toboolean(L, DAEMON);
    Birth birth = {.L = L, .thread = lua_newthread(L)};
    luaL_checkstack(birth.thread, last + LUA_MINSTACK, "too many arguments");
    for (int i = PREPARE; i <= last; i++) lua_pushvalue(L, i);
    lua_xmove(L, birth.thread, last - PREPARE + 1);
    Buffer *kept = push_kept(L, F, last - F + 1);
    birth.kept = kept;
    lua_pushvalue(L, last + 1);
    child->self = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushvalue(L, OBJECT);
    child->object = luaL_ref(L, LUA_REGISTRYINDEX);
    let_grow_old(L);
    int started = fork_child(child, &birth, kept), error = errno;
    if (started == 0) {
        enlist(L, child);
    } else {
        luaL_unref(L, LUA_REGISTRYINDEX, child->self);
        luaL_unref(L, LUA_REGISTRYINDEX, child->object);
    }
    lua_settop(L, last + 1);
    errno = error;
    return started == 0 ? 1 : luaL_fileresult(L, 0, "cannot start a process");
}

// ---- ending --------------------------------------------------------------

static int exitcode_of(const ProcessEnd *end) {
    if (end->signal) return -end->signal;
    return end->exitcode == -1 ? UNKNOWN_END : end->exitcode;
}

static void strike_off(Children *children, Child *child) {
    Child **link = &children->first;
    while (*link != child) link = &(*link)->next;
    *link = child->next;
}

static void forget_page(Child *child) {
    mapping_free(child->listening, sizeof *child->listening);
    child->listening = NULL;
}

// Of one that has ended, or is about to.
static void reap(Children *children, Child *child, lua_State *L) {
    ProcessEnd end = process_reap(&child->process);
    child->exitcode = exitcode_of(&end);
    child->running = false;
    descriptor_close(&child->process.life);
    forget_page(child);
    strike_off(children, child);
    luaL_unref(L, LUA_REGISTRYINDEX, child->object);
    luaL_unref(L, LUA_REGISTRYINDEX, child->self); // the caller holds it, or looks no more
    child->object = child->self = LUA_NOREF;
}

static int sentinel(const Child *child) {
    return child->process.pidfd != -1 ? child->process.pidfd : child->ended_pipe;
}

static void nap(long nanoseconds) {
    nanosleep(&(struct timespec){.tv_nsec = nanoseconds}, NULL);
}

// Waits for its end: 1; 0: not yet; -1: a signal came. Without descriptor only looking tells.
static int await(const Child *child, int timeout_ms) {
    struct pollfd end = {.fd = sentinel(child), .events = POLLIN};
    if (end.fd == -1 && process_has_ended(&child->process)) return 1;
    bool look_again = end.fd == -1 && (timeout_ms == -1 || timeout_ms > LOOK_AGAIN_MS);
    int count = sys.poll(&end, 1, look_again ? LOOK_AGAIN_MS : timeout_ms);
    if (count != 0) return count;
    return look_again ? -1 : 0;
}

static bool is_ours(const Children *children) {
    return children && children->owner == getpid();
}

static void await_all(lua_State *L, Children *children, bool daemons, int grace_ms) {
    uint64_t since = clock_now();
    for (Child *child = children->first, *next; child; child = next) {
        next = child->next;
        if (child->daemon != daemons) continue;
        int passed = (int)((clock_now() - since) / NS_PER_MS), got;
        int left = grace_ms == -1 ? -1 : passed < grace_ms ? grace_ms - passed : 0;
        while ((got = await(child, left)) == -1) {}
        if (got == 0) process_kill(&child->process);
        reap(children, child, L);
    }
}

void children_make_daemons(lua_State *L) {
    Children *children = children_of(L);
    if (!is_ours(children)) return;
    for (Child *child = children->first; child; child = child->next) child->daemon = true;
}

static void each_running(lua_State *L, void (*act)(const Process *)) {
    Children *children = children_of(L);
    if (!is_ours(children)) return;
    for (const Child *child = children->first; child; child = child->next) act(&child->process);
}

void children_pause(lua_State *L) {
    each_running(L, process_pause);
}

void children_resume(lua_State *L) {
    each_running(L, process_resume);
}

static void end_all(lua_State *L, Children *children) {
    if (!is_ours(children)) return;
    FAULT("process.end_all");
    for (const Child *child = children->first; child; child = child->next)
        if (child->daemon) process_signal(&child->process, SIGTERM);
    await_all(L, children, false, -1);
    await_all(L, children, true, GRACE_MS);
}

void children_end(lua_State *L) {
    end_all(L, children_of(L));
}

void children_disown(lua_State *L) {
    Children *children = children_of(L);
    if (children) *children = (Children){.owner = getpid()};
}

// ---- methods -------------------------------------------------------------

static Child *check_ours(lua_State *L) {
    Child *child = check(L);
    if (child->owner != getpid())
        blame(L, "this process is a child of process %d", (int)child->owner);
    return child;
}

// Whether it has ended, which is noted.
static bool look(lua_State *L, Child *child, int timeout_ms) {
    if (!child->running) return true;
    int got = await(child, timeout_ms);
    if (got == -1) interrupt_check(L);
    if (got == 1) reap(children_of(L), child, L);
    return got == 1;
}

static int child_pid(lua_State *L) {
    Child *child = check_ours(L);
    if (!child->running) return 0;
    lua_pushinteger(L, child->process.pid);
    return 1;
}

static int child_exitcode(lua_State *L) {
    Child *child = check_ours(L);
    if (!look(L, child, 0)) return 0;
    lua_pushinteger(L, child->exitcode);
    return 1;
}

// -1: for ever.
static int milliseconds(lua_Number seconds) {
    if (seconds <= 0) return 0;
    return seconds > 2e6 ? 2000000000 : (int)ceil(seconds * 1000);
}

static int child_wait(lua_State *L) {
    Child *child = check_ours(L);
    lua_Number timeout = luaL_optnumber(L, 2, HUGE_VAL);
    lua_Number deadline = (lua_Number)clock_now() / 1e9 + timeout;
    bool ended;
    for (;;) {
        lua_Number left = deadline - (lua_Number)clock_now() / 1e9;
        ended = look(L, child, timeout == HUGE_VAL ? -1 : milliseconds(left));
        if (ended || left <= 0) break;
    }
    lua_pushboolean(L, ended);
    return 1;
}

static int child_terminate(lua_State *L) {
    Child *child = check_ours(L);
    if (child->running) process_signal(&child->process, SIGTERM);
    return 0;
}

static int child_kill(lua_State *L) {
    Child *child = check_ours(L);
    if (child->running) process_kill(&child->process);
    return 0;
}

// Before it listens the signal would end it.
static int child_interrupt(lua_State *L) {
    Child *child = check_ours(L);
    while (!look(L, child, 0) && !atomic_load(child->listening)) nap(100000);
    if (child->running) process_signal(&child->process, interrupt_signal());
    return 0;
}

static int child_sentinel(lua_State *L) {
    Child *child = check_ours(L);
    if (sentinel(child) == -1) return 0;
    lua_pushinteger(L, sentinel(child));
    return 1;
}

// In a forked copy the numbers are not open, or another file's.
static int child_close(lua_State *L) {
    Child *child = check(L);
    if (child->owner != getpid() || child->running) return 0;
    process_close(&child->process);
    descriptor_close(&child->ended_pipe);
    if (child->listening) forget_page(child); // it was never started
    return 0;
}

static int core_children(lua_State *L) {
    Children *children = children_of(L);
    lua_newtable(L);
    if (!is_ours(children)) return 1;
    lua_Integer count = 0;
    for (Child *child = children->first, *next; child; child = next) {
        next = child->next;
        if (look(L, child, 0)) continue;
        lua_rawgeti(L, LUA_REGISTRYINDEX, child->object);
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

static int core_end_children(lua_State *L) {
    children_end(L);
    return 0;
}

static int children_gc(lua_State *L) {
    end_all(L, lua_touserdata(L, 1));
    return 0;
}

static const luaL_Reg METHODS[] = {
    {"pid", child_pid},     {"exitcode", child_exitcode},
    {"wait", child_wait},   {"terminate", child_terminate},
    {"kill", child_kill},   {"interrupt", child_interrupt},
    {"close", child_close}, {"sentinel", child_sentinel},
    {"__gc", child_close},  {NULL, NULL},
};

static const luaL_Reg FUNCTIONS[] = {
    {"start_child", core_start_child},
    {"children", core_children},
    {"end_children", core_end_children},
    {NULL, NULL},
};

void children_register(lua_State *L) {
    static const luaL_Reg FINALIZER[] = {{"__gc", children_gc}, {NULL, NULL}};
    core_class(L, CHILD, METHODS);
    core_class(L, CHILDREN, FINALIZER);
    Children *children = lua_newuserdatauv(L, sizeof *children, 0);
    *children = (Children){.owner = getpid()};
    luaL_setmetatable(L, CHILDREN);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &KEY);
    luaL_setfuncs(L, FUNCTIONS, 0);
}
