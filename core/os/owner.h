/* Owner - the process that made a thing, told from its forked children without a system call.
 *
 * It is a page that the kernel empties in every child; where the kernel does not, the
 * process number is asked for each time. */
#ifndef PARALLEL_LUA_OS_OWNER_H
#define PARALLEL_LUA_OS_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct {
    pid_t pid;   // of the process that made it
    pid_t *page; // the same there and 0 in its children; NULL: there is no such page
} Owner;

/* This process. Needs owner_free; never fails. */
Owner owner_here(void);

/* Is this the process in which owner_here was called? */
bool owner_is_here(const Owner *owner);

/* In any process; twice is harmless. */
void owner_free(Owner *owner);

#endif
