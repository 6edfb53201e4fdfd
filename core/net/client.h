/* Client - a connection to a listener, while it is made. */
#ifndef PARALLEL_LUA_NET_CLIENT_H
#define PARALLEL_LUA_NET_CLIENT_H

#include "core/net/address.h"
#include "core/net/stream.h"

typedef struct {
    int fd; // -1: closed
    Address address;
    bool connected;
    bool has_secret;
    Secret secret;
    Handshake handshake;
} Client;

#define CLIENT_CLOSED ((Client){.fd = -1})

/* Begins; `secret` NULL: there is no key. 0, or -1 with errno: ENOTSUP for TCP in a build
 * without libsodium, or what the system says. Then it is closed. The client must stay where it is
 * in memory. */
int client_open(Client *client, const Address *address, const Secret *secret);

/* Goes on as far as is possible, waiting at most until the deadline (of clock_now; UINT64_MAX: for
 * ever). 1: connected, and client_take is next; 0: the time ran out; -1 with errno: EINTR,
 * after which it may go on; EACCES the key is another; EPROTO, EPROTONOSUPPORT as in
 * core/net/handshake.h; EPERM the listener is another user's; what the system says. */
int client_connect(Client *client, uint64_t deadline);

/* The connection's socket and stream, the caller's from now on; the client is closed. 0, or -1
 * with ENOMEM. */
int client_take(Client *client, int *fd, Stream **stream);

/* Twice is harmless. */
void client_close(Client *client);

#endif
