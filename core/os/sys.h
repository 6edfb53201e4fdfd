/* Sys - every system call of the core that can fail, as a table of functions.
 *
 * The core calls sys.read(...), never read(...). In a release build the table
 * is constant. In a test build each entry first asks the fault table
 * (core/os/fault.h), under the point "sys.NAME", whether to fail instead, so
 * that a spec can make the third pipe2 return EMFILE, or every read short.
 *
 * Entries behave as the calls they are named after. A call that this kernel
 * or C library lacks returns -1 with ENOSYS; its callers have another way. */
#ifndef PARALLEL_LUA_OS_SYS_H
#define PARALLEL_LUA_OS_SYS_H

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

typedef struct {
    // memory
    void *(*realloc)(void *block, size_t size); // malloc is realloc of NULL
    void *(*mmap)(void *where, size_t size, int protection, int flags, int fd, off_t offset);
    int (*madvise)(void *where, size_t size, int advice);
    ssize_t (*getrandom)(void *bytes, size_t size, unsigned flags);
    int (*memfd_create)(const char *name, unsigned flags);
    long (*futex)(uint32_t *word, int operation, uint32_t value, const struct timespec *until);
    // files
    int (*open)(const char *path, int flags, mode_t mode);
    int (*fstat)(int fd, struct stat *info);
    int (*ftruncate)(int fd, off_t size);
    int (*fallocate)(int fd, int mode, off_t offset, off_t size);
    int (*fsync)(int fd);
    int (*fchmod)(int fd, mode_t mode);
    int (*mkdir)(const char *path, mode_t mode);
    int (*linkat)(int from, const char *old, int to, const char *path, int flags);
    int (*rename)(const char *old, const char *path);
    int (*lstat)(const char *path, struct stat *info);
    int (*unlink)(const char *path);
    ssize_t (*pread)(int fd, void *bytes, size_t size, off_t offset);
    ssize_t (*pwrite)(int fd, const void *bytes, size_t size, off_t offset);
    // descriptors
    int (*pipe2)(int fds[2], int flags);
    int (*fcntl)(int fd, int command, long argument);
    ssize_t (*read)(int fd, void *bytes, size_t size);
    ssize_t (*write)(int fd, const void *bytes, size_t size);
    ssize_t (*pwritev2)(int fd, const struct iovec *parts, int count, off_t offset, int flags);
    int (*socketpair)(int domain, int type, int protocol, int fds[2]);
    int (*socket)(int domain, int type, int protocol);
    int (*bind)(int fd, const struct sockaddr *address, socklen_t size);
    int (*listen)(int fd, int backlog);
    int (*accept4)(int fd, struct sockaddr *address, socklen_t *size, int flags);
    int (*connect)(int fd, const struct sockaddr *address, socklen_t size);
    int (*getsockopt)(int fd, int level, int option, void *value, socklen_t *size);
    ssize_t (*sendmsg)(int fd, const struct msghdr *message, int flags);
    ssize_t (*recvmsg)(int fd, struct msghdr *message, int flags);
    int (*poll)(struct pollfd *fds, nfds_t count, int timeout_ms);
    int (*epoll_create1)(int flags);
    int (*epoll_ctl)(int epoll, int operation, int fd, struct epoll_event *event);
    int (*epoll_wait)(int epoll, struct epoll_event *events, int most, int timeout_ms);
    int (*close_range)(unsigned first, unsigned last, int flags);
    int (*timer_create)(clockid_t clock, struct sigevent *event, timer_t *timer);
    // processes
    pid_t (*fork)(void);
    int (*pidfd_open)(pid_t pid, unsigned flags);
    int (*pidfd_send_signal)(int pidfd, int signal, siginfo_t *info, unsigned flags);
    pid_t (*clone_sibling)(void); // see core/os/template.h
    int (*posix_spawnp)(pid_t *pid, const char *program, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const *argv); // our environment
    int (*waitid)(idtype_t kind, id_t id, siginfo_t *info, int flags);
} Sys;

#ifdef PARALLEL_LUA_TESTING
extern Sys sys;
#else
extern const Sys sys;
#endif

#endif
