// The typedef keeps a release build, where this file is empty, standard C.
typedef int FaultIsEmptyInReleaseBuilds;

#ifdef PARALLEL_LUA_TESTING

#include "core/os/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FAULTS = 16, NAME_SIZE = 48 };

typedef enum { ACT_SIGNAL, ACT_EXIT, ACT_DELAY, ACT_CLOSE, ACT_SHORT, ACT_ERRNO } Action;

typedef struct {
    char point[NAME_SIZE];
    Action action;
    int argument;   // signal, exit status, milliseconds or errno
    uint64_t first; // the hit at which it acts
    bool onwards;   // and at every later one
    bool children;  // of the process that armed it only
    _Atomic uint64_t hits;
} Fault;

typedef struct {
    int count, own; // faults, and those of them that are not circumstances
    _Atomic uint64_t acted;
    pid_t armed_by;
    Fault faults[MOST_FAULTS];
} FaultPlan;

// Shared with every process forked later; NULL while nothing was ever armed.
static FaultPlan *plan;
static bool environment_read;

static const struct {
    const char *name;
    Action action;
    int argument;
} NAMED[] = {
    {"kill", ACT_SIGNAL, SIGKILL},
    {"stop", ACT_SIGNAL, SIGSTOP},
    {"segv", ACT_SIGNAL, SIGSEGV},
    {"abort", ACT_SIGNAL, SIGABRT},
    {"interrupt", ACT_SIGNAL, SIGINT},
    {"close", ACT_CLOSE, 0},
    {"short", ACT_SHORT, 0},
    {"EINTR", ACT_ERRNO, EINTR},
    {"EAGAIN", ACT_ERRNO, EAGAIN},
    {"ENOMEM", ACT_ERRNO, ENOMEM},
    {"EMFILE", ACT_ERRNO, EMFILE},
    {"ENFILE", ACT_ERRNO, ENFILE},
    {"EPIPE", ACT_ERRNO, EPIPE},
    {"ENOSPC", ACT_ERRNO, ENOSPC},
    {"ENOBUFS", ACT_ERRNO, ENOBUFS},
    {"ECONNRESET", ACT_ERRNO, ECONNRESET},
    {"ETOOMANYREFS", ACT_ERRNO, ETOOMANYREFS},
    {"EIO", ACT_ERRNO, EIO},
    {"ENOSYS", ACT_ERRNO, ENOSYS},
    {"EPERM", ACT_ERRNO, EPERM},
    {"ECHILD", ACT_ERRNO, ECHILD},
    {"EINVAL", ACT_ERRNO, EINVAL},
    {"EOPNOTSUPP", ACT_ERRNO, EOPNOTSUPP},
};

static bool parse_action(const char *text, Fault *fault) {
    for (size_t i = 0; i < sizeof NAMED / sizeof *NAMED; i++) {
        if (strcmp(text, NAMED[i].name) != 0) continue;
        fault->action = NAMED[i].action;
        fault->argument = NAMED[i].argument;
        return true;
    }
    int end = 0;
    fault->action = ACT_EXIT;
    if (sscanf(text, "exit%d%n", &fault->argument, &end) == 1 && !text[end]) return true;
    fault->action = ACT_DELAY;
    return sscanf(text, "delay%d%n", &fault->argument, &end) == 1 && !text[end];
}

static bool parse_when(const char *text, Fault *fault) {
    fault->first = 1;
    fault->onwards = strcmp(text, "*") == 0;
    if (fault->onwards) return true;
    char *end;
    fault->first = strtoull(text, &end, 10);
    fault->onwards = *end == '+';
    return end != text && fault->first > 0 && !end[fault->onwards];
}

static bool parse_fault(char *text, Fault *fault) {
    char *action = strchr(text, ':');
    char *when = action ? strchr(action, '@') : NULL;
    if (!when || action - text >= NAME_SIZE) return false;
    *action = *when = '\0';
    fault->children = strcmp(action + 1, "killchild") == 0;
    if (fault->children) action[sizeof "kill"] = '\0';
    strcpy(fault->point, text);
    return parse_action(action + 1, fault) && parse_when(when + 1, fault);
}

static FaultPlan *shared_plan(void) {
    if (plan) return plan;
    void *page =
        mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) abort();
    return plan = page;
}

static int refuse(const char *part, char *error, size_t size) {
    snprintf(error, size, "%s", part);
    plan->count = 0;
    return -1;
}

static int add_faults(const char *text, char *error, size_t size) {
    char copy[1024];
    snprintf(copy, sizeof copy, "%s", text ? text : "");
    char *rest = copy, *part;
    while ((part = strsep(&rest, ",")) != NULL) {
        if (!*part) continue;
        char original[NAME_SIZE * 2];
        snprintf(original, sizeof original, "%s", part);
        if (plan->count == MOST_FAULTS || !parse_fault(part, &plan->faults[plan->count]))
            return refuse(original, error, size);
        plan->count++;
    }
    return 0;
}

int fault_arm(const char *text, char *error, size_t size) {
    environment_read = true;
    memset(shared_plan(), 0, sizeof *plan);
    plan->armed_by = getpid();
    if (add_faults(text, error, size) == -1) return -1;
    plan->own = plan->count;
    return add_faults(getenv("PARALLEL_LUA_CIRCUMSTANCES"), error, size);
}

uint64_t fault_acted(void) {
    return plan ? atomic_load(&plan->acted) : 0;
}

static void read_environment(void) {
    const char *text = getenv("PARALLEL_LUA_FAULT");
    environment_read = true;
    if (!text && !getenv("PARALLEL_LUA_CIRCUMSTANCES")) return;
    char error[NAME_SIZE * 2];
    if (fault_arm(text, error, sizeof error) == 0) return;
    fprintf(stderr, "PARALLEL_LUA_FAULT: '%s' is not of the form point:action@n\n", error);
    _exit(2);
}

// The armed fault that acts at this hit of the point, or NULL.
static Fault *fault_at(const char *point) {
    if (!environment_read) read_environment();
    for (int i = 0; plan && i < plan->count; i++) {
        Fault *fault = &plan->faults[i];
        if (strcmp(fault->point, point) != 0) continue;
        if (fault->children && plan->armed_by == getpid()) continue;
        uint64_t hit = atomic_fetch_add(&fault->hits, 1) + 1;
        if (hit != fault->first && !(fault->onwards && hit > fault->first)) continue;
        if (i < plan->own) atomic_fetch_add(&plan->acted, 1);
        return fault;
    }
    return NULL;
}

static void pause_for(int ms) {
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    while (nanosleep(&time, &time) == -1 && errno == EINTR) {}
}

static void act(const Fault *fault, int fd) {
    switch (fault->action) {
    case ACT_SIGNAL: kill(getpid(), fault->argument); break;
    case ACT_EXIT: _exit(fault->argument);
    case ACT_DELAY: pause_for(fault->argument); break;
    case ACT_CLOSE: close(fd); break;
    default: break;
    }
}

void fault_hit(const char *point, int fd) {
    int saved = errno;
    Fault *fault = fault_at(point);
    if (fault) act(fault, fd);
    errno = saved;
}

bool fault_fails(const char *point, size_t *count) {
    int saved = errno;
    Fault *fault = fault_at(point);
    errno = saved;
    if (!fault) return false;
    if (fault->action == ACT_ERRNO) {
        errno = fault->argument;
        return true;
    }
    if (fault->action == ACT_SHORT && count && *count)
        *count = 1;
    else
        act(fault, -1);
    return false;
}

#endif
