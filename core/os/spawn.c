#include "core/os/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/os/descriptor.h"
#include "core/os/fault.h"
#include "core/os/sys.h"

enum { MOST_ARGUMENTS = 16, NUMBER_SIZE = 12 };

// NULL with ENOMEM. The caller frees it.
static char *with_numbers(const char *text, Ties ties, const int *given, int count) {
    size_t size = strlen(text) + (size_t)(count + PROCESS_TIES) * NUMBER_SIZE + sizeof "\"\"";
    char *made = sys.realloc(NULL, size);
    if (!made) return NULL;
    int at = snprintf(made, size, "%s\"%d,%d", text, ties.life, ties.gate);
    for (int i = 0; i < count; i++) at += snprintf(made + at, size - (size_t)at, ",%d", given[i]);
    snprintf(made + at, size - (size_t)at, "\"");
    return made;
}

// Given to itself a descriptor stays open in the program.
static int keep(posix_spawn_file_actions_t *actions, int fd) {
    errno = posix_spawn_file_actions_adddup2(actions, fd, fd);
    return errno ? -1 : 0;
}

static void in_own_group_with_signals_blocked(posix_spawnattr_t *attributes) {
    sigset_t all;
    sigfillset(&all);
    posix_spawnattr_setsigmask(attributes, &all);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
}

static pid_t run(char *const *argv, Ties ties, const int *given, int count) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    pid_t pid = -1;
    posix_spawn_file_actions_init(&actions); // neither can fail here
    posix_spawnattr_init(&attributes);
    in_own_group_with_signals_blocked(&attributes);
    int kept = keep(&actions, ties.life);
    if (kept == 0) kept = keep(&actions, ties.gate);
    for (int i = 0; i < count && kept == 0; i++) kept = keep(&actions, given[i]);
    if (kept == 0 && sys.posix_spawnp(&pid, argv[0], &actions, &attributes, argv) == -1) pid = -1;
    int saved = errno;
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    errno = saved;
    return pid;
}

int spawn_start(Process *process, char *const *argv, const int *given, int count) {
    char *own[MOST_ARGUMENTS + 1] = {NULL}, *last = NULL;
    Ties theirs, ours;
    int n = 0;
    pid_t pid = -1;
    while (argv[n] && n < MOST_ARGUMENTS) {
        own[n] = argv[n];
        n++;
    }
    if (ties_make(&theirs, &ours) == -1) return -1;
    if ((last = with_numbers(argv[n - 1], theirs, given, count)) == NULL) goto done;
    own[n - 1] = last;
    FAULT("spawn.exec");
    pid = run(own, theirs, given, count);
    if (pid != -1) process_take(process, pid, &ours);

done:
    free(last);
    ties_close(&theirs);
    ties_close(&ours);
    return pid == -1 ? -1 : 0;
}
