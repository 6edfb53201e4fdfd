/* Listener - a socket that others connect to, and the lobby in which they prove who they are.
 *
 *     listener_open      begins to listen
 *     listener_accept    the next who proved it, or who did not
 *     listener_close     no longer listens; a path is removed
 *
 * It works while listener_accept runs. A listener belongs to the process that opened it; in a copy
 * that fork made, closing it frees memory only. */
#ifndef PARALLEL_LUA_NET_LISTENER_H
#define PARALLEL_LUA_NET_LISTENER_H

#include "core/net/address.h"
#include "core/net/lobby.h"
#include "core/net/socket_file.h"
#include "core/net/stream.h"
#include "core/os/poller.h"

typedef struct {
    int fd; // -1: closed
    pid_t owner;
    Address address; // as it was bound: with the port
    SocketFile file; // of a path
    bool has_secret;
    Secret secret;
    Poller poller; // readable when listener_accept has something to do
    Lobby lobby;
    uint64_t left_at; // when listener_accept was left last; 0: never
} Listener;

#define LISTENER_CLOSED ((Listener){.fd = -1, .poller = {.fd = -1}})

typedef struct {
    int fd; // LISTENER_CAME: the connection, and its stream; the caller's
    Stream *stream;
    int error; // LISTENER_REFUSED: why, as of handshake_step; ETIMEDOUT, or EPERM for another user
    Address address; // who it is, of TCP
    pid_t pid;       // of a path; 0: not known
} Visitor;

typedef enum { LISTENER_ERROR = -1, LISTENER_NOBODY, LISTENER_CAME, LISTENER_REFUSED } Visit;

/* Listens at the address; `secret` NULL: there is no key. 0, or -1 with errno: that of
 * socket_file_bind; EACCES for an address that others reach without a key; ENOTSUP for TCP in a
 * build without libsodium; what the system says. Then it is closed. */
int listener_open(Listener *listener, const Address *address, int backlog, const Secret *secret);

/* Waits until the deadline (of clock_now; UINT64_MAX: for ever) for what is next. LISTENER_ERROR
 * with errno: EINTR, EMFILE, ENOMEM. */
Visit listener_accept(Listener *listener, uint64_t deadline, Visitor *visitor);

/* Twice is harmless. */
void listener_close(Listener *listener);

#endif
