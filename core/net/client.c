#include "core/net/client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "core/net/peer.h"
#include "core/os/clock.h"
#include "core/os/descriptor.h"
#include "core/os/fault.h"
#include "core/os/sys.h"

static int refuse(int error) {
    errno = error;
    return -1;
}

int client_open(Client *client, const Address *address, const Secret *secret) {
    *client = (Client){.fd = -1, .address = *address, .has_secret = secret};
    if (secret) client->secret = *secret;
    if (!address_is_path(address) && !secret_is_offered()) return refuse(ENOTSUP);
    const Secret *own = secret ? &client->secret : NULL;
    if (handshake_begin(&client->handshake, HANDSHAKE_CLIENT, own) == -1) return -1;
    int type = SOCK_STREAM | SOCK_CLOEXEC | (address_is_path(address) ? 0 : SOCK_NONBLOCK);
    client->fd = sys.socket(address->name.any.sa_family, type, 0);
    return client->fd == -1 ? -1 : 0;
}

void client_close(Client *client) {
    descriptor_close(&client->fd);
    secret_wipe(&client->secret, sizeof client->secret);
    secret_wipe(&client->handshake, sizeof client->handshake);
}

static uint64_t ns_left(uint64_t deadline) {
    uint64_t now = clock_now();
    return now < deadline ? deadline - now : 0;
}

// 1: ready; 0: the time ran out; -1.
static int await(const Client *client, short what, uint64_t deadline) {
    struct pollfd polled = {.fd = client->fd, .events = what};
    uint64_t ms = (ns_left(deadline) + NS_PER_MS - 1) / NS_PER_MS;
    bool for_ever = deadline == UINT64_MAX;
    return sys.poll(&polled, 1, for_ever ? -1 : ms < INT_MAX ? (int)ms : INT_MAX);
}

// ---- connecting

// The kernel lets a connect that does not block fail when the backlog is full; one that does waits
// for room in it, as long as a send may take. Signals may end each of these waits before that.
static int connect_to_path(Client *client, uint64_t deadline) {
    uint64_t us = deadline == UINT64_MAX ? 0 : ns_left(deadline) / 1000 + 1; // 0: for ever
    struct timeval limit = {.tv_sec = (time_t)(us / 1000000),
                            .tv_usec = (suseconds_t)(us % 1000000)};
    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (sys.connect(client->fd, &client->address.name.any, client->address.size) == -1)
        return errno == EAGAIN || (errno == EINTR && ns_left(deadline) == 0) ? 0 : -1;
    return descriptor_unblock(client->fd) == -1 ? -1 : 1;
}

static int finish_connect(const Client *client) {
    int error = 0;
    socklen_t size = sizeof error;
    if (sys.getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1) return -1;
    return error ? refuse(error) : 1;
}

static int connect_to_host(Client *client, uint64_t deadline) {
    if (sys.connect(client->fd, &client->address.name.any, client->address.size) == 0) return 1;
    if (errno == EISCONN) return 1; // we were interrupted
    if (errno != EINPROGRESS && errno != EALREADY) return -1;
    int ready = await(client, POLLOUT, deadline);
    return ready == 1 ? finish_connect(client) : ready;
}

static int reach(Client *client, uint64_t deadline) {
    bool path = address_is_path(&client->address);
    int reached = path ? connect_to_path(client, deadline) : connect_to_host(client, deadline);
    if (reached != 1) return reached;
    if (peer_check(client->fd) == -1) return -1;
    FAULT("client.connected");
    client->connected = true;
    return 1;
}

// ---- proving

// One who hears our proof and hangs up did not like it.
static int why_not(const Client *client) {
    return refuse(errno == ECONNRESET && client->handshake.met ? EACCES : errno);
}

int client_connect(Client *client, uint64_t deadline) {
    if (!client->connected) {
        int reached = reach(client, deadline);
        if (reached != 1) return reached;
    }
    for (;;) {
        const void *bytes;
        int stepped = handshake_step(&client->handshake, client->fd);
        if (stepped != 0) return stepped == 1 ? 1 : why_not(client);
        bool speaks = handshake_speech(&client->handshake, &bytes) > 0;
        int ready = await(client, speaks ? POLLOUT : POLLIN, deadline);
        if (ready != 1) return ready;
    }
}

int client_take(Client *client, int *fd, Stream **stream) {
    if (stream_make(stream, &client->handshake) == -1) return -1;
    *fd = client->fd;
    client->fd = -1;
    client_close(client);
    return 0;
}
