/* Handles - descriptors that came with messages, in a queue that owns them.
 *
 * All zero is a valid empty one. */
#ifndef PARALLEL_LUA_WIRE_HANDLES_H
#define PARALLEL_LUA_WIRE_HANDLES_H

#include "core/wire/buffer.h"

typedef struct {
    Buffer fds; // of int; -1 where one was taken out
} Handles;

/* Stands for all the handles of a message that this process had no room for. */
enum { HANDLES_LOST = -2 };

static inline size_t handles_count(const Handles *handles) {
    return buffer_size(&handles->fds) / sizeof(int);
}

/* The first of them, good until the next call that adds some. Who takes one
 * over leaves -1 in its place. */
static inline int *handles_first(const Handles *handles) {
    return (int *)(void *)buffer_bytes(&handles->fds);
}

/* Makes room for so many more. 0, or -1 with ENOMEM. */
static inline int handles_reserve(Handles *handles, size_t count) {
    return buffer_reserve(&handles->fds, count * sizeof(int));
}

/* Adds these, for which there is room, and then owns them. */
void handles_add(Handles *handles, const int *fds, size_t count);

/* Closes the first so many and takes them off the queue. */
void handles_drop(Handles *handles, size_t count);

/* Forgets all without closing them: in a copy that fork made, where they are not open. */
void handles_disown(Handles *handles);

/* Closes all and frees the memory; twice is harmless. */
void handles_free(Handles *handles);

#endif
