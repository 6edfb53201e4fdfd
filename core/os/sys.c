#include "core/os/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/os/fault.h"

// Debian 12's C library has no wrapper for these, or another type.
static int raw_close_range(unsigned first, unsigned last, int flags) {
    return (int)syscall(SYS_close_range, first, last, flags);
}
static int raw_pidfd_open(pid_t pid, unsigned flags) {
    return (int)syscall(SYS_pidfd_open, pid, flags);
}
static int raw_pidfd_send_signal(int pidfd, int signal, siginfo_t *info, unsigned flags) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, info, flags);
}
static int raw_open(const char *path, int flags, mode_t mode) {
    return open(path, flags, mode);
}
static int raw_fcntl(int fd, int command, long argument) {
    return fcntl(fd, command, argument);
}
// The C library declares their addresses as a union of all kinds.
static int raw_bind(int fd, const struct sockaddr *address, socklen_t size) {
    return bind(fd, address, size);
}
static int raw_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags) {
    return accept4(fd, address, size, flags);
}
static int raw_connect(int fd, const struct sockaddr *address, socklen_t size) {
    return connect(fd, address, size);
}
static long raw_futex(uint32_t *word, int operation, uint32_t value, const struct timespec *until) {
    return syscall(SYS_futex, word, operation, value, until, NULL, FUTEX_BITSET_MATCH_ANY);
}

// It returns the error; all others set errno.
static int raw_posix_spawnp(pid_t *pid, const char *program,
                            const posix_spawn_file_actions_t *actions,
                            const posix_spawnattr_t *attributes, char *const *argv) {
    errno = posix_spawnp(pid, program, actions, attributes, argv, environ);
    return errno ? -1 : 0;
}

// A fork whose child is our parent's. What the C library's fork does besides is
// done here: the thread that goes on in the child has a number of its own, and
// the kernel shall know of the locks that it will hold.
static pid_t raw_clone_sibling(void) {
    int *number = NULL;
    void *locks = NULL;
    size_t size = 0;
    if (prctl(PR_GET_TID_ADDRESS, &number, 0, 0, 0) == -1) return -1;
    if (syscall(SYS_get_robust_list, 0, &locks, &size) == -1) return -1;
    long flags = CLONE_PARENT | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;
    // Which of the last two arguments it is depends on the processor; the other is not looked at.
    pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, number, number);
    if (pid == 0) syscall(SYS_set_robust_list, locks, size);
    return pid;
}

#ifndef PARALLEL_LUA_TESTING

const Sys sys = {
    .realloc = realloc,
    .mmap = mmap,
    .madvise = madvise,
    .getrandom = getrandom,
    .memfd_create = memfd_create,
    .futex = raw_futex,
    .open = raw_open,
    .fstat = fstat,
    .ftruncate = ftruncate,
    .fallocate = fallocate,
    .fsync = fsync,
    .fchmod = fchmod,
    .mkdir = mkdir,
    .linkat = linkat,
    .rename = rename,
    .lstat = lstat,
    .unlink = unlink,
    .pread = pread,
    .pwrite = pwrite,
    .pipe2 = pipe2,
    .fcntl = raw_fcntl,
    .read = read,
    .write = write,
    .pwritev2 = pwritev2,
    .socketpair = socketpair,
    .socket = socket,
    .bind = raw_bind,
    .listen = listen,
    .accept4 = raw_accept4,
    .connect = raw_connect,
    .getsockopt = getsockopt,
    .sendmsg = sendmsg,
    .recvmsg = recvmsg,
    .poll = poll,
    .epoll_create1 = epoll_create1,
    .epoll_ctl = epoll_ctl,
    .epoll_wait = epoll_wait,
    .close_range = raw_close_range,
    .timer_create = timer_create,
    .fork = fork,
    .pidfd_open = raw_pidfd_open,
    .pidfd_send_signal = raw_pidfd_send_signal,
    .clone_sibling = raw_clone_sibling,
    .posix_spawnp = raw_posix_spawnp,
    .waitid = waitid,
};

#else

// In a test build every entry asks the fault table first; COUNT is the
// argument that a "short" fault reduces to one byte.
#define ASKING(result, name, call, failed, parameters, arguments, count)                           \
    static result asking_##name parameters {                                                       \
        if (fault_fails("sys." #name, count)) return failed;                                       \
        return call arguments;                                                                     \
    }

ASKING(void *, realloc, realloc, NULL, (void *b, size_t n), (b, n), NULL)
ASKING(void *, mmap, mmap, MAP_FAILED, (void *w, size_t n, int p, int f, int d, off_t o),
       (w, n, p, f, d, o), NULL)
ASKING(int, madvise, madvise, -1, (void *w, size_t n, int a), (w, n, a), NULL)
ASKING(int, memfd_create, memfd_create, -1, (const char *s, unsigned f), (s, f), NULL)
ASKING(long, futex, raw_futex, -1, (uint32_t * w, int o, uint32_t v, const struct timespec *t),
       (w, o, v, t), NULL)
ASKING(ssize_t, getrandom, getrandom, -1, (void *b, size_t n, unsigned f), (b, n, f), NULL)
ASKING(int, open, raw_open, -1, (const char *s, int f, mode_t m), (s, f, m), NULL)
ASKING(int, fstat, fstat, -1, (int d, struct stat *s), (d, s), NULL)
ASKING(int, ftruncate, ftruncate, -1, (int d, off_t n), (d, n), NULL)
ASKING(int, fallocate, fallocate, -1, (int d, int m, off_t o, off_t n), (d, m, o, n), NULL)
ASKING(int, fsync, fsync, -1, (int d), (d), NULL)
ASKING(int, fchmod, fchmod, -1, (int d, mode_t m), (d, m), NULL)
ASKING(int, mkdir, mkdir, -1, (const char *s, mode_t m), (s, m), NULL)
ASKING(int, linkat, linkat, -1, (int a, const char *s, int b, const char *t, int f),
       (a, s, b, t, f), NULL)
ASKING(int, rename, rename, -1, (const char *s, const char *t), (s, t), NULL)
ASKING(int, unlink, unlink, -1, (const char *s), (s), NULL)
ASKING(int, lstat, lstat, -1, (const char *s, struct stat *i), (s, i), NULL)
ASKING(ssize_t, pread, pread, -1, (int d, void *b, size_t n, off_t o), (d, b, n, o), &n)
ASKING(ssize_t, pwrite, pwrite, -1, (int d, const void *b, size_t n, off_t o), (d, b, n, o), &n)
ASKING(int, fcntl, raw_fcntl, -1, (int d, int c, long a), (d, c, a), NULL)
ASKING(ssize_t, read, read, -1, (int d, void *b, size_t n), (d, b, n), &n)
ASKING(ssize_t, write, write, -1, (int d, const void *b, size_t n), (d, b, n), &n)
ASKING(ssize_t, pwritev2, pwritev2, -1, (int d, const struct iovec *v, int n, off_t o, int f),
       (d, v, n, o, f), NULL)
ASKING(int, socket, socket, -1, (int d, int t, int p), (d, t, p), NULL)
ASKING(int, bind, raw_bind, -1, (int d, const struct sockaddr *a, socklen_t n), (d, a, n), NULL)
ASKING(int, listen, listen, -1, (int d, int n), (d, n), NULL)
ASKING(int, accept4, raw_accept4, -1, (int d, struct sockaddr *a, socklen_t *n, int f),
       (d, a, n, f), NULL)
ASKING(int, connect, raw_connect, -1, (int d, const struct sockaddr *a, socklen_t n), (d, a, n),
       NULL)
ASKING(int, getsockopt, getsockopt, -1, (int d, int l, int o, void *v, socklen_t *n),
       (d, l, o, v, n), NULL)
ASKING(int, poll, poll, -1, (struct pollfd * p, nfds_t n, int t), (p, n, t), NULL)
ASKING(int, timer_create, timer_create, -1, (clockid_t c, struct sigevent *e, timer_t *t),
       (c, e, t), NULL)
ASKING(int, epoll_create1, epoll_create1, -1, (int f), (f), NULL)
ASKING(int, epoll_ctl, epoll_ctl, -1, (int e, int o, int d, struct epoll_event *v), (e, o, d, v),
       NULL)
ASKING(int, epoll_wait, epoll_wait, -1, (int e, struct epoll_event *v, int n, int t), (e, v, n, t),
       NULL)
ASKING(int, close_range, raw_close_range, -1, (unsigned a, unsigned b, int f), (a, b, f), NULL)
ASKING(pid_t, fork, fork, -1, (void), (), NULL)
ASKING(int, pidfd_open, raw_pidfd_open, -1, (pid_t p, unsigned f), (p, f), NULL)
ASKING(int, pidfd_send_signal, raw_pidfd_send_signal, -1, (int d, int s, siginfo_t *i, unsigned f),
       (d, s, i, f), NULL)
ASKING(pid_t, clone_sibling, raw_clone_sibling, -1, (void), (), NULL)
ASKING(int, posix_spawnp, raw_posix_spawnp, -1,
       (pid_t * p, const char *s, const posix_spawn_file_actions_t *f, const posix_spawnattr_t *a,
        char *const *v),
       (p, s, f, a, v), NULL)
ASKING(int, waitid, waitid, -1, (idtype_t k, id_t d, siginfo_t *i, int f), (k, d, i, f), NULL)

// A "short" fault makes these small, and moves one byte of a message.
enum { SHORT = 1, WHOLE = 2, SMALLEST_PIPE = 4096 };

static int asking_pipe2(int ends[2], int flags) {
    size_t size = WHOLE;
    if (fault_fails("sys.pipe2", &size)) return -1;
    int made = pipe2(ends, flags);
    if (made == 0 && size == SHORT) fcntl(ends[1], F_SETPIPE_SZ, SMALLEST_PIPE);
    return made;
}

static int asking_socketpair(int domain, int type, int protocol, int ends[2]) {
    size_t size = WHOLE;
    if (fault_fails("sys.socketpair", &size)) return -1;
    int made = socketpair(domain, type, protocol, ends);
    for (int i = 0; made == 0 && size == SHORT && i < 2; i++)
        setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &(int){1}, sizeof(int));
    return made;
}

// The message, or its first byte, which lies in *part.
static struct msghdr first_byte(const struct msghdr *message, struct iovec *part, size_t size) {
    struct msghdr small = *message;
    if (size != SHORT || message->msg_iovlen == 0 || message->msg_iov->iov_len == 0) return small;
    *part = (struct iovec){.iov_base = message->msg_iov->iov_base, .iov_len = 1};
    small.msg_iov = part;
    small.msg_iovlen = 1;
    return small;
}

// Messages that are whole or not at all are never short.
static bool is_stream(int fd) {
    int type = 0;
    socklen_t size = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

static ssize_t asking_sendmsg(int fd, const struct msghdr *message, int flags) {
    size_t size = WHOLE;
    struct iovec part;
    if (fault_fails("sys.sendmsg", is_stream(fd) ? &size : NULL)) return -1;
    struct msghdr asked = first_byte(message, &part, size);
    return sendmsg(fd, &asked, flags);
}

static ssize_t asking_recvmsg(int fd, struct msghdr *message, int flags) {
    size_t size = WHOLE;
    struct iovec part;
    if (fault_fails("sys.recvmsg", is_stream(fd) ? &size : NULL)) return -1;
    struct msghdr asked = first_byte(message, &part, size);
    ssize_t count = recvmsg(fd, &asked, flags);
    message->msg_controllen = asked.msg_controllen;
    message->msg_flags = asked.msg_flags;
    return count;
}

Sys sys = {
    .realloc = asking_realloc,
    .mmap = asking_mmap,
    .madvise = asking_madvise,
    .getrandom = asking_getrandom,
    .memfd_create = asking_memfd_create,
    .futex = asking_futex,
    .open = asking_open,
    .fstat = asking_fstat,
    .ftruncate = asking_ftruncate,
    .fallocate = asking_fallocate,
    .fsync = asking_fsync,
    .fchmod = asking_fchmod,
    .mkdir = asking_mkdir,
    .linkat = asking_linkat,
    .rename = asking_rename,
    .lstat = asking_lstat,
    .unlink = asking_unlink,
    .pread = asking_pread,
    .pwrite = asking_pwrite,
    .pipe2 = asking_pipe2,
    .fcntl = asking_fcntl,
    .read = asking_read,
    .write = asking_write,
    .pwritev2 = asking_pwritev2,
    .socketpair = asking_socketpair,
    .socket = asking_socket,
    .bind = asking_bind,
    .listen = asking_listen,
    .accept4 = asking_accept4,
    .connect = asking_connect,
    .getsockopt = asking_getsockopt,
    .sendmsg = asking_sendmsg,
    .recvmsg = asking_recvmsg,
    .poll = asking_poll,
    .epoll_create1 = asking_epoll_create1,
    .epoll_ctl = asking_epoll_ctl,
    .epoll_wait = asking_epoll_wait,
    .close_range = asking_close_range,
    .timer_create = asking_timer_create,
    .fork = asking_fork,
    .pidfd_open = asking_pidfd_open,
    .pidfd_send_signal = asking_pidfd_send_signal,
    .clone_sibling = asking_clone_sibling,
    .posix_spawnp = asking_posix_spawnp,
    .waitid = asking_waitid,
};

#endif
