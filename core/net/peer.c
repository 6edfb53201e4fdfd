#include "core/net/peer.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "core/os/sys.h"

// After so many seconds of silence, so many signs of life that far apart are asked for.
enum { SILENCE = 15, APART = 5, SIGNS = 3 };

static void set(int fd, int level, int option, int value) {
    setsockopt(fd, level, option, &value, sizeof value); // without it all works too
}

static void prepare_tcp(int fd) {
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, SILENCE);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, APART);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, SIGNS);
}

static bool is_path(int fd) {
    int domain = 0;
    socklen_t size = sizeof domain;
    return sys.getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == -1 || domain == AF_UNIX;
}

int peer_check(int fd) {
    struct ucred who;
    socklen_t size = sizeof who;
    if (!is_path(fd)) return prepare_tcp(fd), 0;
    if (sys.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == -1) return -1;
    if (who.uid == geteuid()) return 0;
    errno = EPERM;
    return -1;
}

void peer_identify(int fd, Visitor *visitor) {
    struct ucred who;
    socklen_t size = sizeof who;
    visitor->address.size = sizeof visitor->address.name;
    if (is_path(fd)) {
        if (sys.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0) visitor->pid = who.pid;
    } else if (getpeername(fd, &visitor->address.name.any, &visitor->address.size) == -1) {
        visitor->address = (Address){0};
    }
}
