/* Descriptor - file descriptors: made close-on-exec, closed once, read and written whole.
 *
 * -1 stands for "none"; closing none does nothing, and closing keeps errno. */
#ifndef PARALLEL_LUA_OS_DESCRIPTOR_H
#define PARALLEL_LUA_OS_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Closes *fd and sets it to -1. */
void descriptor_close(int *fd);

/* Makes two stream sockets, connected to each other and close-on-exec. 0, or -1 with both -1. */
int descriptor_socketpair(int *a, int *b);

/* Makes a pipe, both ends close-on-exec. 0, or -1 with both ends -1. */
int descriptor_pipe(int *read_end, int *write_end);

/* Reads and writes of this end return EAGAIN instead of waiting. 0 or -1. */
int descriptor_unblock(int fd);

/* As read(2), but a signal does not interrupt it. */
ssize_t descriptor_read(int fd, void *bytes, size_t size);

/* As write(2), but a signal does not interrupt it. SIGPIPE is as the process has it. */
ssize_t descriptor_write(int fd, const void *bytes, size_t size);

/* As descriptor_write, and a reader that is gone gives EPIPE without a SIGPIPE,
 * whatever the process, which may be a host that is not ours, does with that
 * signal. *masked remembers between calls that this kernel cannot do so by
 * itself (before 6.16, and then blocking the signal meanwhile does it). */
ssize_t descriptor_write_quietly(int fd, const void *bytes, size_t size, bool *masked);

/* The same until all is written, waiting for a descriptor that does not block. 0 or -1. */
int descriptor_write_all(int fd, const void *bytes, size_t size);
/* Sends bytes through a stream socket, and with the first of them `count` (at
 * most 253) descriptors. As write(2) otherwise, but a signal does not interrupt it, and a
 * reader that is gone gives EPIPE without a SIGPIPE. */
ssize_t descriptor_send(int fd, const void *bytes, size_t size, const int *fds, size_t count);

/* Whether what an error of descriptor_send tells of passes: sending may be tried again. */
bool descriptor_may_send_later(int error);

/* Receives bytes, and the descriptors that came with them: `fds` has room for
 * 253, *count tells how many there are, close-on-exec and the caller's. It is -1, and
 * none is, when some got lost, since this process may open no more. 0: the other
 * end is closed. -1 with errno. */
ssize_t descriptor_receive(int fd, void *bytes, size_t size, int *fds, int *count);

/* pwrite(2) until all is written. 0, or -1 with errno: EFBIG, and no signal, where a file may not
 * become that large. */
int descriptor_write_at(int fd, const void *bytes, size_t size, off_t offset);

/* Closes every descriptor from 3 on but those listed. For a child that was
 * just forked: a copy of a sibling's pipe end would keep that sibling from
 * ever seeing its channel close. */
void descriptor_keep_only(const int *keep, int count);

/* Is this one of them? */
static inline bool descriptor_is_among(const int *fds, size_t count, int fd) {
    for (size_t i = 0; i < count; i++)
        if (fds[i] == fd) return true;
    return false;
}

/* Is any descriptor open besides the standard streams and these? Also true where the system does
 * not tell. */
bool descriptor_any_besides(const int *known, size_t count);

#endif
