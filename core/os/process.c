#include "core/os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/os/descriptor.h"
#include "core/os/fault.h"
#include "core/os/sys.h"
#include "core/os/title.h"

enum { PARENT_GONE_AT_GATE = 98, PARENT_GONE_WHILE_ARMING = 99 };

// ---- in the child --------------------------------------------------------

static void default_signals(void) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &action, NULL);
    action.sa_handler = SIG_IGN; // a parent that is gone is found by the life pipe
    sigaction(SIGPIPE, &action, NULL);
    sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
}

// The terminal and the parent's input are not the child's to read; from its
// own process group, reading a terminal would stop it for ever.
static void empty_stdin(void) {
    int null = open("/dev/null", O_RDONLY);
    if (null <= STDIN_FILENO) return;
    dup2(null, STDIN_FILENO);
    close(null);
}

static void pass_gate(int gate) {
    char byte;
    if (descriptor_read(gate, &byte, 1) != 1) _exit(PARENT_GONE_AT_GATE);
    close(gate);
}

// From here on the kernel kills our group when the write end closes.
static void arm(int life) {
    fcntl(life, F_SETOWN, -getpid());
    fcntl(life, F_SETSIG, SIGKILL);
    fcntl(life, F_SETFL, O_ASYNC | O_NONBLOCK);
    prctl(PR_SET_PDEATHSIG, 0);
    struct pollfd closed = {.fd = life, .events = POLLIN};
    if (poll(&closed, 1, 0) > 0) _exit(PARENT_GONE_WHILE_ARMING);
}

// When memory runs out the kernel shall take a worker, not the program.
static void volunteer_for_oom(void) {
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd == -1) return;
    ssize_t ignored = write(fd, "500", 3);
    (void)ignored;
    close(fd);
}

_Noreturn void process_enter(const int *keep, int count, Ties ties, ProcessMain *main,
                             void *context) {
    FAULT("child.begin");
    default_signals();
    empty_stdin();
    descriptor_keep_only(keep, count);
    FAULT("child.gate");
    pass_gate(ties.gate);
    arm(ties.life);
    volunteer_for_oom();
    FAULT("child.armed");
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    process_leave(ties.life, main(context, ties.life));
}

static void close_output(void) {
    FAULT("child.leave");
    fclose(stdout);
    fclose(stderr);
}

_Noreturn void process_leave(int life, int status) {
    fcntl(life, F_SETFL, O_NONBLOCK); // without O_ASYNC: disarmed
    close_output();
    _exit(status);
}

_Noreturn void process_leave_with_all(void) {
    close_output();
    kill(-getpid(), SIGKILL);
    _exit(0); // it has no group of its own
}

// ---- in the parent -------------------------------------------------------

static pid_t fork_with_signals_blocked(sigset_t *before) {
    sigset_t all;
    sigfillset(&all);
    fflush(NULL);
    title_prepare();
    pthread_sigmask(SIG_SETMASK, &all, before);
    return sys.fork();
}

// Until the life pipe is armed, which is not before the gate: one that is stopped meanwhile shall
// not outlive its parent. Only when the thread that forks lives as long as the process.
static _Noreturn void enter(pid_t parent, bool by_main_thread, const int *keep, int count,
                            Ties ties, ProcessMain *main, void *context) {
    if (by_main_thread) prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(PARENT_GONE_AT_GATE); // before that was asked for
    process_enter(keep, count, ties, main, context);
}

int ties_make(Ties *theirs, Ties *ours) {
    *theirs = *ours = (Ties){-1, -1};
    if (descriptor_pipe(&theirs->life, &ours->life) == 0 &&
        descriptor_pipe(&theirs->gate, &ours->gate) == 0)
        return 0;
    int saved = errno;
    ties_close(theirs);
    ties_close(ours);
    errno = saved;
    return -1;
}

void ties_close(Ties *ties) {
    descriptor_close(&ties->life);
    descriptor_close(&ties->gate);
}

// A child that is gone is found by its death.
static void open_gate(Process *process, int gate) {
    bool masked = false;
    ssize_t opened = descriptor_write_quietly(gate, "g", 1, &masked);
    if (opened == -1 && errno != EPIPE) process_kill(process);
}

// The given list with the ties behind it; NULL with ENOMEM. The caller frees it.
static int *list_with(const int *keep, int count, Ties ties) {
    int *list = sys.realloc(NULL, ((size_t)count + PROCESS_TIES) * sizeof *list);
    if (!list) return NULL;
    if (count) memcpy(list, keep, (size_t)count * sizeof *list);
    list[count] = ties.life;
    list[count + 1] = ties.gate;
    return list;
}

void process_take(Process *process, pid_t pid, Ties *ties) {
    setpgid(pid, pid); // not the child: what we do not know of is still in its maker's group
    *process = (Process){.pid = pid, .pidfd = sys.pidfd_open(pid, 0), .life = ties->life};
    ties->life = -1;
    open_gate(process, ties->gate);
}

int process_start(Process *process, const int *keep, int count, ProcessMain *main, void *context) {
    Ties theirs, ours;
    int *kept = NULL;
    pid_t pid = -1;
    if (ties_make(&theirs, &ours) == -1) return -1;
    if ((kept = list_with(keep, count, theirs)) == NULL) goto done;
    sigset_t before;
    pid_t parent = getpid();
    bool by_main_thread = gettid() == parent;
    pid = fork_with_signals_blocked(&before);
    if (pid == 0) enter(parent, by_main_thread, kept, count + PROCESS_TIES, theirs, main, context);
    int saved = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    if (pid != -1) process_take(process, pid, &ours);

done:
    free(kept);
    ties_close(&theirs);
    ties_close(&ours);
    return pid == -1 ? -1 : 0;
}

// In a host that reaps all children the number may be a stranger's by now; a
// pidfd never is, so it is asked first. Without one there is only the number.
static bool is_gone(const Process *process) {
    return process->pid == 0 ||
           (process->pidfd != -1 && sys.pidfd_send_signal(process->pidfd, 0, NULL, 0) == -1 &&
            errno == ESRCH);
}

void process_kill(Process *process) {
    if (is_gone(process)) return;
    kill(-process->pid, SIGKILL);
    kill(process->pid, SIGKILL); // without a group of its own, when that could not be made
}

static void signal_group(const Process *process, int signal) {
    if (!is_gone(process)) kill(-process->pid, signal);
}

void process_pause(const Process *process) {
    signal_group(process, SIGSTOP);
}

void process_resume(const Process *process) {
    signal_group(process, SIGCONT);
}

void process_signal(const Process *process, int signal) {
    if (process->pidfd != -1 && sys.pidfd_send_signal(process->pidfd, signal, NULL, 0) == 0) return;
    if (!is_gone(process)) kill(process->pid, signal);
}

// -1 where there is no telling.
static int pidfd_readable(int pidfd) {
    struct pollfd poll = {.fd = pidfd, .events = POLLIN};
    return pidfd == -1 ? -1 : sys.poll(&poll, 1, 0);
}

static ProcessEnd end_of(const siginfo_t *info) {
    if (info->si_code == CLD_EXITED) return (ProcessEnd){.exitcode = info->si_status};
    return (ProcessEnd){.signal = info->si_status, .exitcode = -1};
}

bool process_has_ended(const Process *process) {
    int readable = pidfd_readable(process->pidfd);
    if (readable != -1) return readable > 0;
    siginfo_t info = {0};
    int asked = sys.waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    return asked == -1 ? errno == ECHILD : info.si_pid != 0;
}

// Waits and returns 0, or -1 when somebody else has reaped it.
static int await(const Process *process, siginfo_t *info, int flags) {
    int waited;
    do waited = sys.waitid(P_PID, (id_t)process->pid, info, WEXITED | flags);
    while (waited == -1 && errno == EINTR);
    return waited;
}

ProcessEnd process_reap(Process *process) {
    siginfo_t info = {0};
    ProcessEnd end = {.exitcode = -1};
    if (await(process, &info, WNOWAIT) == 0) {
        end = end_of(&info);
        kill(-process->pid, SIGKILL); // what it started, while the number is still its own
        await(process, &info, 0);
    }
    process->pid = 0;
    return end;
}

void process_close(Process *process) {
    descriptor_close(&process->pidfd);
    descriptor_close(&process->life);
}
