#include "core/os/descriptor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/os/sys.h"

// Linux 6.16; older headers do not know it.
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100
#endif

void descriptor_close(int *fd) {
    int saved = errno;
    if (*fd != -1) close(*fd);
    *fd = -1;
    errno = saved;
}

int descriptor_socketpair(int *a, int *b) {
    int ends[2] = {-1, -1};
    int result = sys.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
    *a = ends[0];
    *b = ends[1];
    return result;
}

int descriptor_pipe(int *read_end, int *write_end) {
    int ends[2] = {-1, -1};
    int result = sys.pipe2(ends, O_CLOEXEC);
    *read_end = ends[0];
    *write_end = ends[1];
    return result;
}

int descriptor_unblock(int fd) {
    int flags = sys.fcntl(fd, F_GETFL, 0);
    if (flags == -1) return -1;
    return sys.fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1 ? -1 : 0;
}

ssize_t descriptor_read(int fd, void *bytes, size_t size) {
    ssize_t count;
    do count = sys.read(fd, bytes, size);
    while (count == -1 && errno == EINTR);
    return count;
}

ssize_t descriptor_write(int fd, const void *bytes, size_t size) {
    ssize_t count;
    do count = sys.write(fd, bytes, size);
    while (count == -1 && errno == EINTR);
    return count;
}

// Blocks SIGPIPE in this thread, writes, and takes back the signal that the
// write caused. One that was pending before is somebody else's and stays.
static ssize_t write_masked(int fd, const void *bytes, size_t size) {
    sigset_t pipe_only, before, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    ssize_t count = descriptor_write(fd, bytes, size);
    int saved = errno;
    if (count == -1 && saved == EPIPE && !sigismember(&pending, SIGPIPE))
        sigtimedwait(&pipe_only, NULL, &(struct timespec){0});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return count;
}

ssize_t descriptor_write_quietly(int fd, const void *bytes, size_t size, bool *masked) {
    if (!*masked) {
        struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
        ssize_t count;
        do count = sys.pwritev2(fd, &part, 1, -1, RWF_NOSIGNAL);
        while (count == -1 && errno == EINTR);
        if (count != -1 || (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS))
            return count;
        *masked = true;
    }
    return write_masked(fd, bytes, size);
}

static int wait_until_writable(int fd) {
    struct pollfd polled = {.fd = fd, .events = POLLOUT};
    return sys.poll(&polled, 1, -1) == -1 && errno != EINTR ? -1 : 0;
}

int descriptor_write_all(int fd, const void *bytes, size_t size) {
    bool masked = false;
    for (size_t put = 0; put < size;) {
        ssize_t n = descriptor_write_quietly(fd, (const char *)bytes + put, size - put, &masked);
        if (n == -1 && (errno != EAGAIN || wait_until_writable(fd) == -1)) return -1;
        if (n > 0) put += (size_t)n;
    }
    return 0;
}

// ---- through sockets

enum { MOST_SENT = 253 }; // SCM_MAX_FD of the kernel

typedef union {
    struct cmsghdr header; // for its alignment
    char bytes[CMSG_SPACE(MOST_SENT * sizeof(int))];
} Control;

static void attach(struct msghdr *message, Control *control, const int *fds, size_t count) {
    message->msg_control = control->bytes;
    message->msg_controllen = CMSG_SPACE(count * sizeof *fds);
    memset(control->bytes, 0, message->msg_controllen); // the padding goes along
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
                               .cmsg_type = SCM_RIGHTS,
                               .cmsg_len = CMSG_LEN(count * sizeof *fds)};
    memcpy(CMSG_DATA(header), fds, count * sizeof *fds);
}

ssize_t descriptor_send(int fd, const void *bytes, size_t size, const int *fds, size_t count) {
    Control control;
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count) attach(&message, &control, fds, count);
    ssize_t sent;
    do sent = sys.sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent == -1 && errno == EINTR);
    // It may have closed its end with something from us unread.
    if (sent == -1 && errno == ECONNRESET) errno = EPIPE;
    return sent;
}

bool descriptor_may_send_later(int error) {
    return error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == ETOOMANYREFS;
}

static int detach(struct msghdr *message, int *fds) {
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    if (!header || header->cmsg_type != SCM_RIGHTS) return 0;
    size_t size = header->cmsg_len - CMSG_LEN(0);
    memcpy(fds, CMSG_DATA(header), size);
    return (int)(size / sizeof *fds);
}

ssize_t descriptor_receive(int fd, void *bytes, size_t size, int *fds, int *count) {
    Control control;
    struct iovec part = {.iov_base = bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t got;
    do got = sys.recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (got == -1 && errno == EINTR);
    *count = 0;
    if (got == -1) return errno == ECONNRESET ? 0 : -1; // it had not read all; we have
    *count = detach(&message, fds);
    if (!(message.msg_flags & MSG_CTRUNC)) return got;
    while (*count > 0) descriptor_close(&fds[--*count]);
    *count = -1;
    return got;
}

// A byte behind the limit for files would bring the signal SIGXFSZ, which ends the process; the
// last one before it need not be written.
static bool is_too_large(size_t size, off_t offset) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) == -1 || limit.rlim_cur == RLIM_INFINITY) return false;
    return size > limit.rlim_cur || (rlim_t)offset > limit.rlim_cur - size;
}

int descriptor_write_at(int fd, const void *bytes, size_t size, off_t offset) {
    size_t put = 0;
    if (is_too_large(size, offset)) {
        errno = EFBIG;
        return -1;
    }
    while (put < size) {
        ssize_t count = sys.pwrite(fd, (const char *)bytes + put, size - put, offset + (off_t)put);
        if (count == -1 && errno != EINTR) return -1;
        if (count > 0) put += (size_t)count;
    }
    return 0;
}

static int lowest_kept(const int *keep, int count, int from) {
    int lowest = INT_MAX;
    for (int i = 0; i < count; i++)
        if (keep[i] >= from && keep[i] < lowest) lowest = keep[i];
    return lowest;
}

static void close_each(int first, int last) {
    long limit = sysconf(_SC_OPEN_MAX);
    for (int fd = first; fd <= last && fd < limit; fd++) close(fd);
}

static void close_listed(DIR *list, int first, int last) {
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        int fd = atoi(entry->d_name);
        if (fd >= first && fd <= last && fd != dirfd(list)) close(fd);
    }
}

// Kernels before 5.9 have no close_range; without /proc every number is tried.
static void close_between(int first, int last) {
    if (first > last || sys.close_range((unsigned)first, (unsigned)last, 0) == 0) return;
    DIR *list = opendir("/proc/self/fd");
    if (!list) {
        close_each(first, last);
        return;
    }
    close_listed(list, first, last);
    closedir(list);
}

void descriptor_keep_only(const int *keep, int count) {
    for (int first = STDERR_FILENO + 1;;) {
        int kept = lowest_kept(keep, count, first);
        close_between(first, kept == INT_MAX ? INT_MAX : kept - 1);
        if (kept == INT_MAX) return;
        first = kept + 1;
    }
}

bool descriptor_any_besides(const int *known, size_t count) {
    DIR *list = opendir("/proc/self/fd");
    if (!list) return true;
    bool any = false;
    for (struct dirent *entry; !any && (entry = readdir(list)) != NULL;) {
        int fd = atoi(entry->d_name); // 0 for "." and ".."
        any = fd > STDERR_FILENO && fd != dirfd(list) && !descriptor_is_among(known, count, fd);
    }
    closedir(list);
    return any;
}
