/* Handles - open descriptors that wait to leave with a message, or came with one.
 *
 * A queue that owns what is in it. All zero is a valid empty one. */
#ifndef PARALLEL_LUA_WIRE_HANDLES_H
#define PARALLEL_LUA_WIRE_HANDLES_H

#include "core/wire/buffer.h"

enum { HANDLES_MOST = 253 }; // that the kernel sends at once

typedef struct {
    Buffer fds; // of int; -1 where one was taken out
} Handles;

static inline size_t handles_count(const Handles *handles) {
    return buffer_size(&handles->fds) / sizeof(int);
}

/* The first of them, good until the next call that adds some. Who takes one
 * over leaves -1 in its place. */
static inline int *handles_first(const Handles *handles) {
    return (int *)(void *)buffer_bytes(&handles->fds);
}

/* Adds these, which it then owns. 0, or -1 with ENOMEM and nothing taken. */
int handles_add(Handles *handles, const int *fds, size_t count);

/* Adds duplicates of these, close-on-exec. 0, or -1 with errno and nothing added. */
int handles_add_copies(Handles *handles, const int *fds, size_t count);

/* Closes the first so many and takes them off the queue. */
void handles_drop(Handles *handles, size_t count);

/* Forgets all without closing them: in a copy that fork made, where they are not open. */
void handles_disown(Handles *handles);

/* Closes all and frees the memory; twice is harmless. */
void handles_free(Handles *handles);

#endif
