/* Process - a child that ends with its parent, and a parent that knows when it ended.
 *
 * The order of things in process_start matters; each rule was found by
 * measuring what goes wrong without it:
 *
 *   parent: flush stdio, block signals, fork
 *           (or the child would print our unwritten lines again, and run our
 *           handlers in a process where they make no sense)
 *   child:  default handlers; /dev/null as stdin; close every descriptor that it
 *           was not given; wait at the gate
 *   parent: make the child's process group, pidfd_open, then open the gate
 *           (or the child could be gone, and its number another's, before)
 *   child:  arm the life pipe, unblock signals, run
 *
 * Nothing is ever written to the *life pipe*. Its write end is held by the
 * parent alone, so when the parent dies, however it dies, the kernel closes it
 * and sends SIGKILL to the child's process group, grandchildren included, even
 * in an endless loop or a stopped process. (PR_SET_PDEATHSIG would fire when
 * the *thread* that forked ends.)
 *
 * The *gate* is a pipe of its own, through which one byte comes. Through the life pipe it could
 * kill: the kernel first wakes who reads a byte and then signals who wants a signal for it, and by
 * then, if only the writer is held up for a moment, the reader is armed.
 *
 * No signal handler is installed, no child but ours is waited for. */
#ifndef PARALLEL_LUA_OS_PROCESS_H
#define PARALLEL_LUA_OS_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct {
    pid_t pid; // 0: never started, or ended and reaped
    int pidfd; // readable once it has ended; -1 when the kernel has no pidfd
    int life;  // the life pipe's write end
} Process;

#define PROCESS_NONE ((Process){.pidfd = -1, .life = -1})

/* What ties a process to its parent while it is made: in it the read ends of both pipes, in its
 * parent the write ends. */
typedef struct {
    int life, gate; // -1: closed
} Ties;

enum { PROCESS_TIES = 2 }; // descriptors

/* How a process ended. */
typedef struct {
    int signal;   // that killed it, or 0
    int exitcode; // its exit status, or -1 when killed or when nobody knows:
                  // a host that reaps all children may have taken it
} ProcessEnd;

/* What the child runs. `life` is its end of the life pipe, for process_leave;
 * what it returns becomes its exit status. */
typedef int ProcessMain(void *context, int life);

/* Forks a child that runs main(context) with descriptors 0, 1, 2 and those in
 * `keep` open. 0, or -1 with errno set, *process unchanged and nothing left behind. */
int process_start(Process *process, const int *keep, int count, ProcessMain *main, void *context);

/* For other ways to make a process (core/os/spawn.h, core/os/template.h), first in the parent:
 * both pipes. 0, or -1 with errno and none made. Both sides are closed by ties_close. */
int ties_make(Ties *theirs, Ties *ours);
void ties_close(Ties *ties);

/* In the child, all that is asked of it above, then main. `keep` has its ties in it. */
_Noreturn void process_enter(const int *keep, int count, Ties ties, ProcessMain *main,
                             void *context);

/* In the parent of one that is on its way to the gate: fills in *process, which
 * takes over the life pipe's write end (ties->life becomes -1), and opens the gate. */
void process_take(Process *process, pid_t pid, Ties *ties);

/* In the child: ends it in the orderly way: closes its stdout and stderr, and lets go of
 * the life pipe, whose end would otherwise be mistaken for the parent's death.
 * Never exit(3): atexit handlers are the parent's, and closing inherited
 * streams would move the file offsets that it shares with us. */
_Noreturn void process_leave(int life, int status);

/* In the child: the same, and ends what it has started too, by SIGKILL to all its
 * group. For one whose parent may be gone, or go before it would see to that: what
 * outlives such a child has nobody who ends it. */
_Noreturn void process_leave_with_all(void);

/* Whether it has ended, without waiting for that. */
bool process_has_ended(const Process *process);

/* Of one that has ended: kills what it started, frees its number, tells how it
 * ended. Waits when it has not. */
ProcessEnd process_reap(Process *process);

/* SIGKILL to it and all that it started; works on stopped processes too. */
void process_kill(Process *process);

/* Stops it and all that it started, and lets them go on. */
void process_pause(const Process *process);
void process_resume(const Process *process);

/* Another signal, to it alone. */
void process_signal(const Process *process, int signal);

/* Gives up the descriptors; the life pipe kills what still runs. Twice is harmless. */
void process_close(Process *process);

#endif
