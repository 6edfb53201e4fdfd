/* Starter - how the processes of a pool's workers come to be when they are no forks of its own.
 *
 * Such a worker inherits nothing but descriptors; what it has to know comes as
 * the first frame on its channel, the pool's letter. */
#ifndef PARALLEL_LUA_POOL_STARTER_H
#define PARALLEL_LUA_POOL_STARTER_H

#include "core/os/process.h"

/* The last of the descriptors that such a worker is given, in this order; before
 * them stand those that the pool was told to keep. */
enum { RECRUIT_CHANNEL, RECRUIT_DESK, RECRUIT_STDOUT, RECRUIT_STDERR, RECRUIT_GIVEN };

typedef struct {
    /* Starts a process that runs recruit_serve with the descriptors of `given`,
     * under their numbers here. As process_start otherwise. */
    int (*start)(void *context, Process *process, const int *given, int count);
    void *context;
} Starter;

#endif
