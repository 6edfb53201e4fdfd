/* Processes for the specs: start one, wait for it, kill it, and know which
 * ones this process forked itself. Part of core.testing, in test builds only.
 *
 * Calls here are plain system calls, not those of the `sys` table: an armed
 * fault must hit the code under test, never the test. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/lua/core.h"
#include "core/os/processors.h"

enum { MOST_FORKS = 1 << 16, MOST_ARGUMENTS = 64 };

/* The pids that fork() returned in one process, written by each child as it
 * starts. An orphan that this process adopted is not among them. */
typedef struct {
    pid_t parent;
    _Atomic unsigned count;
    pid_t pids[MOST_FORKS];
} Forks;

static Forks *forks; // shared with all descendants; NULL until adopt_orphans

static void note_fork(void) {
    if (getppid() != forks->parent) return;
    unsigned i = atomic_fetch_add(&forks->count, 1);
    if (i < MOST_FORKS) forks->pids[i] = getpid();
}

static int failure(lua_State *L) {
    int error = errno;
    lua_pushnil(L);
    lua_pushstring(L, strerror(error));
    lua_pushinteger(L, error);
    return 3;
}

// testing.adopt_orphans(): from now on processes that lose their parent become children of this
// one.
static int testing_adopt_orphans(lua_State *L) {
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == -1) return failure(L);
    if (!forks) {
        void *page =
            mmap(NULL, sizeof *forks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) return failure(L);
        forks = page;
        pthread_atfork(NULL, NULL, note_fork);
    }
    forks->parent = getpid();
    lua_pushboolean(L, 1);
    return 1;
}

// testing.forget_forks(): forked_here then tells of later forks only.
static int testing_forget_forks(lua_State *L) {
    (void)L;
    if (forks) atomic_store(&forks->count, 0);
    return 0;
}

// testing.forked_here(pid): true when fork() in this process made it, false for an adopted orphan.
static int testing_forked_here(lua_State *L) {
    pid_t pid = (pid_t)luaL_checkinteger(L, 1);
    unsigned count = forks ? atomic_load(&forks->count) : 0;
    bool found = false;
    for (unsigned i = 0; i < count && i < MOST_FORKS && !found; i++) found = forks->pids[i] == pid;
    lua_pushboolean(L, found);
    return 1;
}

static int testing_getpid(lua_State *L) {
    lua_pushinteger(L, getpid());
    return 1;
}

// testing.lock_owner(): the number under which this thread holds locks, by which the kernel
// finds those of a thread that died.
static int testing_lock_owner(lua_State *L) {
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    lua_pushinteger(L, lock.__data.__owner);
    pthread_mutex_unlock(&lock);
    return 1;
}

// testing.fork(): as fork(2), 0 in the child.
static int testing_fork(lua_State *L) {
    pid_t pid = fork();
    if (pid == -1) return failure(L);
    lua_pushinteger(L, pid);
    return 1;
}

static void read_arguments(lua_State *L, const char *argv[MOST_ARGUMENTS]) {
    int count = (int)lua_rawlen(L, 1);
    luaL_argcheck(L, count > 0 && count < MOST_ARGUMENTS, 1, "1 to 63 strings expected");
    for (int i = 0; i < count; i++) {
        lua_rawgeti(L, 1, i + 1);
        argv[i] = luaL_checkstring(L, -1); // the list keeps it alive
        lua_pop(L, 1);
    }
    argv[count] = NULL;
}

// testing.spawn({program, arguments...}, stdin, stdout, stderr, group): a pid. The streams are
// paths; with `group` the process leads a process group of its own.
static int testing_spawn(lua_State *L) {
    const char *argv[MOST_ARGUMENTS];
    luaL_checktype(L, 1, LUA_TTABLE);
    read_arguments(L, argv);
    const char *in = luaL_checkstring(L, 2);
    const char *out = luaL_checkstring(L, 3);
    const char *err = luaL_checkstring(L, 4);
    posix_spawn_file_actions_t streams;
    posix_spawn_file_actions_init(&streams);
    posix_spawn_file_actions_addopen(&streams, 0, in, O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&streams, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&streams, 2, err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    if (lua_toboolean(L, 5)) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    pid_t pid;
    errno = posix_spawnp(&pid, argv[0], &streams, &attributes, (char **)argv, environ);
    posix_spawn_file_actions_destroy(&streams);
    posix_spawnattr_destroy(&attributes);
    if (errno) return failure(L);
    lua_pushinteger(L, pid);
    return 1;
}

// testing.exit(status): ends this process where it stands, as a forked child must.
static int testing_exit(lua_State *L) {
    _exit((int)luaL_optinteger(L, 1, 0));
}

// testing.wait(pid, poll): "exit" or "signal" and its number; false when it still runs and `poll`.
static int testing_wait(lua_State *L) {
    pid_t pid = (pid_t)luaL_checkinteger(L, 1);
    int status;
    pid_t ended;
    do ended = waitpid(pid, &status, lua_toboolean(L, 2) ? WNOHANG : 0);
    while (ended == -1 && errno == EINTR);
    if (ended == -1) return failure(L);
    if (ended == 0) {
        lua_pushboolean(L, 0);
        return 1;
    }
    lua_pushstring(L, WIFSIGNALED(status) ? "signal" : "exit");
    lua_pushinteger(L, WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return 2;
}

// testing.kill(pid, name): name without "SIG"; "0" only asks whether there is such a process.
static int testing_kill(lua_State *L) {
    static const char *const NAMES[] = {"KILL", "TERM", "INT",  "STOP", "CONT", "TSTP", "SEGV",
                                        "HUP",  "USR1", "USR2", "CHLD", "0",    NULL};
    static const int NUMBERS[] = {SIGKILL, SIGTERM, SIGINT,  SIGSTOP, SIGCONT, SIGTSTP,
                                  SIGSEGV, SIGHUP,  SIGUSR1, SIGUSR2, SIGCHLD, 0};
    pid_t pid = (pid_t)luaL_checkinteger(L, 1);
    if (kill(pid, NUMBERS[luaL_checkoption(L, 2, "TERM", NAMES)]) == -1) return failure(L);
    lua_pushboolean(L, 1);
    return 1;
}

// testing.become(uid): from now on this process is of that user; true, or nil and why not.
static int testing_become(lua_State *L) {
    uid_t uid = (uid_t)luaL_checkinteger(L, 1);
    if (setgid(uid) == -1 || setuid(uid) == -1) return failure(L);
    lua_pushboolean(L, 1);
    return 1;
}

// testing.setenv(name, value): nil removes it.
static int testing_setenv(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    const char *value = luaL_optstring(L, 2, NULL);
    if ((value ? setenv(name, value, 1) : unsetenv(name)) == -1) return failure(L);
    lua_pushboolean(L, 1);
    return 1;
}

// testing.block_signals(block): all of them, or none.
static int testing_block_signals(lua_State *L) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(lua_toboolean(L, 1) ? SIG_BLOCK : SIG_UNBLOCK, &all, NULL);
    return 0;
}

static int testing_close_on_exec(lua_State *L) {
    if (fcntl((int)luaL_checkinteger(L, 1), F_SETFD, FD_CLOEXEC) == -1) return failure(L);
    lua_pushboolean(L, 1);
    return 1;
}

// testing.close(fd): of one that was received, and belongs to nobody.
static int testing_close(lua_State *L) {
    close((int)luaL_checkinteger(L, 1));
    return 0;
}

// testing.limit_descriptors(most): none with that number or a higher one can be
// opened; without argument as many as is allowed at all.
static int testing_limit_descriptors(lua_State *L) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = (rlim_t)luaL_optinteger(L, 1, (lua_Integer)limit.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &limit) == -1) return failure(L);
    lua_pushboolean(L, 1);
    return 1;
}

// testing.quota(root, group): see core/os/processors.h
static int testing_quota(lua_State *L) {
    lua_pushinteger(L, processors_quota(luaL_checkstring(L, 1), luaL_checkstring(L, 2)));
    return 1;
}

static const luaL_Reg FUNCTIONS[] = {
    {"adopt_orphans", testing_adopt_orphans},
    {"forget_forks", testing_forget_forks},
    {"forked_here", testing_forked_here},
    {"getpid", testing_getpid},
    {"lock_owner", testing_lock_owner},
    {"fork", testing_fork},
    {"spawn", testing_spawn},
    {"exit", testing_exit},
    {"wait", testing_wait},
    {"kill", testing_kill},
    {"setenv", testing_setenv},
    {"become", testing_become},
    {"block_signals", testing_block_signals},
    {"close_on_exec", testing_close_on_exec},
    {"close", testing_close},
    {"limit_descriptors", testing_limit_descriptors},
    {"quota", testing_quota},
    {NULL, NULL},
};

void testing_process_register(lua_State *L) {
    luaL_setfuncs(L, FUNCTIONS, 0);
}
