#include "core/net/listener.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "core/net/peer.h"
#include "core/os/clock.h"
#include "core/os/descriptor.h"
#include "core/os/fault.h"
#include "core/os/sys.h"

enum { DOOR = LOBBY_PLACES }; // the poller's tag of the socket itself; others are places

static int refuse(int error) {
    errno = error;
    return -1;
}

// ---- opening and closing

static int check_policy(const Address *address, const Secret *secret) {
    if (address_is_path(address)) return 0;
    if (!secret_is_offered()) return refuse(ENOTSUP);
    return secret || address_is_loopback(address) ? 0 : refuse(EACCES);
}

static int bind_to(Listener *listener) {
    Address *address = &listener->address;
    if (address_is_path(address)) return socket_file_bind(&listener->file, listener->fd, address);
    setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (sys.bind(listener->fd, &address->name.any, address->size) == -1) return -1;
    return getsockname(listener->fd, &address->name.any, &address->size);
}

static int start(Listener *listener, int backlog) {
    int family = listener->address.name.any.sa_family;
    listener->fd = sys.socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd == -1 || bind_to(listener) == -1) return -1;
    if (sys.listen(listener->fd, backlog) == -1) return -1;
    if (poller_open(&listener->poller) == -1) return -1;
    return poller_watch(&listener->poller, listener->fd, POLLER_READ, DOOR);
}

int listener_open(Listener *listener, const Address *address, int backlog, const Secret *secret) {
    *listener = LISTENER_CLOSED;
    lobby_open(&listener->lobby);
    if (check_policy(address, secret) == -1) return -1;
    listener->owner = getpid();
    listener->address = *address;
    listener->has_secret = secret;
    if (secret) listener->secret = *secret;
    if (start(listener, backlog) == 0) return 0;
    int error = errno;
    listener_close(listener);
    return refuse(error);
}

void listener_close(Listener *listener) {
    if (listener->fd == -1) return;
    if (listener->owner == getpid()) {
        socket_file_remove(&listener->file, &listener->address);
        lobby_close(&listener->lobby);
        poller_close(&listener->poller);
        descriptor_close(&listener->fd);
    }
    listener->fd = -1;
    secret_wipe(&listener->secret, sizeof listener->secret);
    secret_wipe(&listener->lobby, sizeof listener->lobby);
}

// ---- visitors

static Visit refuse_at(Listener *listener, int place, int error, Visitor *visitor) {
    peer_identify(listener->lobby.places[place].fd, visitor);
    visitor->error = error;
    lobby_dismiss(&listener->lobby, place, NULL);
    return LISTENER_REFUSED;
}

static Visit welcome(Listener *listener, int place, Visitor *visitor) {
    if (stream_make(&visitor->stream, &listener->lobby.places[place].handshake) == -1)
        return LISTENER_ERROR;
    peer_identify(listener->lobby.places[place].fd, visitor);
    poller_watch(&listener->poller, listener->lobby.places[place].fd, 0, 0);
    lobby_dismiss(&listener->lobby, place, &visitor->fd);
    FAULT("listener.came");
    return LISTENER_CAME;
}

static Visit go_on(Listener *listener, int place, Visitor *visitor) {
    if (listener->lobby.places[place].fd == -1) return LISTENER_NOBODY;
    switch (lobby_step(&listener->lobby, place, &listener->poller)) {
    case 1: return welcome(listener, place, visitor);
    case 0: return LISTENER_NOBODY;
    default: return refuse_at(listener, place, errno, visitor);
    }
}

// Errors that tell of one visitor, who is gone, and not of us.
static bool is_theirs(int error) {
    return error == EAGAIN || error == ECONNABORTED || error == EPROTO || error == EINTR;
}

static Visit open_door(Listener *listener, uint64_t now, Visitor *visitor) {
    if (lobby_is_full(&listener->lobby)) {
        int place = lobby_dispensable(&listener->lobby, now);
        return place == -1 ? LISTENER_NOBODY : refuse_at(listener, place, ETIMEDOUT, visitor);
    }
    int fd = sys.accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd == -1) return is_theirs(errno) ? LISTENER_NOBODY : LISTENER_ERROR;
    FAULT("listener.accepted");
    if (peer_check(fd) == -1) {
        visitor->error = errno;
        peer_identify(fd, visitor);
        descriptor_close(&fd);
        return LISTENER_REFUSED;
    }
    const Secret *secret = listener->has_secret ? &listener->secret : NULL;
    int place = lobby_admit(&listener->lobby, fd, secret, &listener->poller, now);
    return place == -1 ? LISTENER_ERROR : go_on(listener, place, visitor);
}

// ---- accepting

static int ms_until(uint64_t deadline, uint64_t now) {
    if (deadline == UINT64_MAX) return -1;
    uint64_t ms = now < deadline ? (deadline - now + NS_PER_MS - 1) / NS_PER_MS : 0;
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

// While nobody can be let in the door is not watched: it would be ready all the time.
static int wait_for_event(Listener *listener, uint64_t deadline, uint64_t now, PollerEvent *event) {
    bool waits = lobby_is_full(&listener->lobby) && lobby_dispensable(&listener->lobby, now) == -1;
    uint64_t next = lobby_deadline(&listener->lobby, waits ? LOBBY_PATIENCE_MS : LOBBY_MS);
    if (next > deadline) next = deadline;
    if (waits) poller_watch(&listener->poller, listener->fd, 0, DOOR);
    int count = poller_wait(&listener->poller, ms_until(next, now), event, 1);
    int error = errno;
    if (waits) poller_watch(&listener->poller, listener->fd, POLLER_READ, DOOR);
    errno = error;
    return count;
}

// *idle: nothing happened.
static Visit look(Listener *listener, uint64_t deadline, Visitor *visitor, bool *idle) {
    uint64_t now = clock_now();
    PollerEvent event;
    int place = lobby_overdue(&listener->lobby, now);
    if (place != -1) return refuse_at(listener, place, ETIMEDOUT, visitor);
    int count = wait_for_event(listener, deadline, now, &event);
    if (count == -1) return LISTENER_ERROR;
    *idle = count == 0;
    if (*idle) return LISTENER_NOBODY;
    if (event.tag == DOOR) return open_door(listener, clock_now(), visitor);
    return go_on(listener, (int)event.tag, visitor);
}

// When the time is over, what has happened already is looked at, but not what keeps happening.
Visit listener_accept(Listener *listener, uint64_t deadline, Visitor *visitor) {
    Visit visit;
    bool idle = true;
    int late = 0;
    *visitor = (Visitor){.fd = -1};
    if (listener->left_at) lobby_pause(&listener->lobby, clock_now() - listener->left_at);
    do visit = look(listener, deadline, visitor, &idle);
    while (visit == LISTENER_NOBODY && (clock_now() < deadline || (!idle && late++ < 2 * DOOR)));
    listener->left_at = clock_now();
    return visit;
}
