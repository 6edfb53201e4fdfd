/* Template - a small process that makes others by forking itself.
 *
 *     we                     template                a process that we ordered
 *      |------ spawn ---------->|
 *      |-- order, descriptors ->|
 *      |                        |------ clone ------------->|
 *      |<------ its number -----|                           | waits at the gate
 *      |------------------ opens the gate ----------------->|
 *
 * The template is a program that was executed anew (core/os/spawn.h) and has one
 * thread, so it can be forked when we cannot: since other threads of ours might
 * hold locks, or our memory is large. What it makes is not its child but ours:
 * we wait for it, and signal it, as if we had forked it, whatever becomes of the
 * template. It is started by the first order, and again when it has died. */
#ifndef PARALLEL_LUA_OS_TEMPLATE_H
#define PARALLEL_LUA_OS_TEMPLATE_H

#include "core/os/process.h"

typedef struct {
    char *const *argv; // as spawn_start's
    Process process;
    int socket;  // -1: not started
    pid_t owner; // who started it: a copy that fork made is not this process's
} Template;

/* Not started yet. argv stays the caller's, and must outlive it. */
static inline Template template_of(char *const *argv) {
    return (Template){.argv = argv, .process = PROCESS_NONE, .socket = -1};
}

enum {
    TEMPLATE_MOST = 4096, // descriptors of one process
    TEMPLATE_MOST_GIVEN = TEMPLATE_MOST - PROCESS_TIES
};

/* Descriptors by their numbers: life pipe, gate, then what was given. */
typedef struct {
    int count;
    int numbers[TEMPLATE_MOST];
} TemplateOrder;

static inline Ties template_ties(const TemplateOrder *order) {
    return (Ties){.life = order->numbers[0], .gate = order->numbers[1]};
}

/* Has a process made, with these descriptors of ours under the same numbers. 0, or
 * -1 with errno, *process unchanged and nothing left behind but the template. */
int template_start(Template *template, Process *process, const int *given, int count);

/* Ends it; twice is harmless. What it has made lives on. */
void template_close(Template *template);

/* In the template: makes what is ordered until its parent closes the socket. In
 * each that it makes, *order is what it was given and main(context) runs, as with
 * process_start. */
void template_serve(int socket, TemplateOrder *order, ProcessMain *main, void *context);

#endif
