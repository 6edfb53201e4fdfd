/* Spawn - processes that begin as a program of their own and inherit descriptors only.
 *
 * They keep what core/os/process.h promises: the program calls process_enter as
 * soon as it can, waits there at the gate, and ends with its parent from then on;
 * one whose parent died before finds that out at the gate.
 *
 * Nothing of the parent is copied meanwhile, so neither its size nor what its
 * threads are doing matters. */
#ifndef PARALLEL_LUA_OS_SPAWN_H
#define PARALLEL_LUA_OS_SPAWN_H

#include "core/os/process.h"

/* Runs the program argv[0], found as execvp does, in a process group of its own, with all signals
 * blocked. The descriptors in `given` are open there, under the numbers that they have
 * here; so are its ties. These numbers, those of life pipe and gate first,
 * are appended to the last argument in quotes: serve becomes serve"7,8,3,5".
 * 0, or -1 with errno, *process unchanged and nothing left behind. */
int spawn_start(Process *process, char *const *argv, const int *given, int count);

#endif
