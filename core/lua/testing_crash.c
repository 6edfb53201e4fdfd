#include "core/lua/testing_crash.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_DESCRIPTORS = 256, STATUS = 3, PIECE = 1 << 20 };

static void write_nowhere(void) {
    int *volatile nowhere = (int *)(uintptr_t)64; // volatile: the compiler shall not see it
    *nowhere = 0;
}

// Never that deep; but no compiler knows, so every call has a frame of its own.
static int recurse(volatile int *depth) {
    volatile char frame[PIECE / 16];
    frame[0] = (char)*depth;
    if (*depth < 0) return frame[0];
    ++*depth;
    return recurse(depth) + frame[0];
}

static void overflow_stack(void) {
    int depth = 0;
    recurse(&depth);
}

static void leave(void) {
    exit(STATUS); // NOLINT(concurrency-mt-unsafe)
}

static void leave_at_once(void) {
    _exit(STATUS);
}

static void close_descriptors(void) {
    for (int fd = 3; fd < MOST_DESCRIPTORS; fd++) close(fd);
}

static bool is_file(int fd) {
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

// Into whatever takes it, as a stray pointer to a descriptor would; but not where the
// outcome of the specs may be shown.
static void scribble(void) {
    static const char JUNK[] = "these forty bytes or so are no frame at all\n";
    for (int fd = 3; fd < MOST_DESCRIPTORS; fd++)
        if (!is_file(fd) && write(fd, JUNK, sizeof JUNK) == -1) continue;
}

// All the memory there is, and no word of it is given back.
static void eat_memory(void) {
    const int mine = MAP_PRIVATE | MAP_ANONYMOUS;
    for (char *piece; (piece = mmap(NULL, PIECE, PROT_WRITE, mine, -1, 0)) != MAP_FAILED;)
        memset(piece, 1, PIECE);
}

static const struct {
    const char *name;
    void (*how)(void);
    int signal;
} CRASHES[] = {
    {"bad pointer", write_nowhere, 0},
    {"stack overflow", overflow_stack, 0},
    {"abort", abort, 0},
    {"exit", leave, 0},
    {"_exit", leave_at_once, 0},
    {"close descriptors", close_descriptors, 0},
    {"scribble", scribble, 0},
    {"eat memory", eat_memory, 0},
    {"SIGFPE", NULL, SIGFPE},
    {"SIGBUS", NULL, SIGBUS},
    {"SIGILL", NULL, SIGILL},
    {"SIGSYS", NULL, SIGSYS},
};

// testing.crash(how): does what a program in C may do that goes wrong.
static int testing_crash(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    for (size_t i = 0; i < sizeof CRASHES / sizeof *CRASHES; i++) {
        if (strcmp(CRASHES[i].name, name) != 0) continue;
        if (CRASHES[i].how)
            CRASHES[i].how();
        else
            raise(CRASHES[i].signal);
        return 0;
    }
    return luaL_error(L, "unknown crash '%s'", name);
}

void testing_crash_register(lua_State *L) {
    lua_pushcfunction(L, testing_crash);
    lua_setfield(L, -2, "crash");
}
