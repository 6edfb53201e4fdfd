// Included before all else in the build of scripts/coverage: processes write down what they counted
// also when they end without exit, as workers do, or when one of ours kills them.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNTED static inline __attribute__((no_profile_instrument_function))

void __gcov_dump(void);
void __gcov_reset(void);

COUNTED void counted_dump(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    __gcov_dump();
}

__attribute__((noreturn)) COUNTED void counted_exit(int status) {
    counted_dump();
    _exit(status);
}

// On the last signal: its sender is about to send SIGKILL.
COUNTED void counted_end(int signal) {
    (void)signal;
    counted_dump();
    kill(getpid(), SIGKILL);
}

COUNTED int counted_sigaction(int signal, const struct sigaction *action, struct sigaction *old) {
    struct sigaction end = {.sa_handler = counted_end};
    return sigaction(signal, signal == SIGRTMAX ? &end : action, old);
}

COUNTED int counted_listens(pid_t pid) {
    char path[64], line[256];
    unsigned long long caught = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "SigCgt: %llx", &caught) == 1) break;
    if (file) fclose(file);
    return caught >> 63 & 1;
}

COUNTED void counted_farewell(pid_t pid) {
    siginfo_t info = {0};
    kill(pid, SIGRTMAX);
    for (int i = 0; i < 50; i++) {
        int waited = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG);
        if (waited == 0 && info.si_pid) return;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

COUNTED int counted_kill(pid_t pid, int signal) {
    pid_t leader = pid < 0 ? -pid : pid;
    if (signal == SIGKILL && leader == getpid())
        counted_dump();
    else if (signal == SIGKILL && leader > 1 && counted_listens(leader))
        counted_farewell(leader);
    return kill(pid, signal);
}

// Of a signal that ends the process, or stops it: then the counting goes on.
COUNTED int counted_raise(int signal) {
    sigset_t before;
    sigprocmask(SIG_SETMASK, NULL, &before);
    counted_dump();
    __gcov_reset();
    sigprocmask(SIG_SETMASK, &before, NULL);
    return raise(signal);
}

#define _exit          counted_exit
#define raise          counted_raise
#define kill           counted_kill
#define sigaction(...) counted_sigaction(__VA_ARGS__)
