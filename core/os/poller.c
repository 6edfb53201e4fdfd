#include "core/os/poller.h"

#include <errno.h>

#include "core/os/descriptor.h"
#include "core/os/sys.h"

enum { BATCH = 64 };

int poller_open(Poller *poller) {
    *poller = (Poller){.fd = sys.epoll_create1(EPOLL_CLOEXEC)};
    return poller->fd == -1 ? -1 : 0;
}

static int forget(Poller *poller, int fd) {
    struct epoll_event unused = {0}; // kernels before 2.6.9 want one
    int result = sys.epoll_ctl(poller->fd, EPOLL_CTL_DEL, fd, &unused);
    return result == -1 && errno == ENOENT ? 0 : result;
}

int poller_watch(Poller *poller, int fd, unsigned what, uint64_t tag) {
    if (!what) return forget(poller, fd);
    struct epoll_event event = {.data.u64 = tag};
    if (what & POLLER_READ) event.events |= EPOLLIN;
    if (what & POLLER_WRITE) event.events |= EPOLLOUT;
    int result = sys.epoll_ctl(poller->fd, EPOLL_CTL_ADD, fd, &event);
    if (result == -1 && errno == EEXIST)
        result = sys.epoll_ctl(poller->fd, EPOLL_CTL_MOD, fd, &event);
    return result;
}

int poller_wait(Poller *poller, int timeout_ms, PollerEvent *events, int most) {
    struct epoll_event ready[BATCH];
    if (timeout_ms != 0) linger(&poller->linger, poller->fd, POLLIN);
    int count = sys.epoll_wait(poller->fd, ready, most < BATCH ? most : BATCH, timeout_ms);
    for (int i = 0; i < count; i++) events[i].tag = ready[i].data.u64;
    return count;
}

void poller_close(Poller *poller) {
    descriptor_close(&poller->fd);
}
