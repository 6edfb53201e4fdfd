/* Lobby - strangers at a listener's door, side by side, until one has proved who it is.
 *
 * Nobody waits for another: each goes on as its bytes come, has five seconds in all, and when
 * all places are taken, who has said least for the longest time leaves for who comes next. */
#ifndef PARALLEL_LUA_NET_LOBBY_H
#define PARALLEL_LUA_NET_LOBBY_H

#include "core/net/handshake.h"
#include "core/os/poller.h"

enum { LOBBY_PLACES = 16, LOBBY_MS = 5000, LOBBY_PATIENCE_MS = 250 };

typedef struct {
    int fd;        // -1: the place is free
    uint64_t came; // clock_now
    Handshake handshake;
} Stranger;

typedef struct {
    Stranger places[LOBBY_PLACES];
} Lobby;

/* All places free. */
void lobby_open(Lobby *lobby);

/* Takes in the stranger at this descriptor, which it then owns, and has the poller watch it, with
 * its place as tag. The place; -1 with errno: EAGAIN all are taken, and none is to be had yet. */
int lobby_admit(Lobby *lobby, int fd, const Secret *secret, Poller *poller, uint64_t now);

/* Goes on with the one at this place. 1: it is who it should be; 0: not yet; -1 with errno as
 * handshake_step. */
int lobby_step(Lobby *lobby, int place, Poller *poller);

/* Ends with the one at this place; *fd, when not NULL, is the caller's then. */
void lobby_dismiss(Lobby *lobby, int place, int *fd);

/* The place of one whose time is over; -1: there is none. */
int lobby_overdue(const Lobby *lobby, uint64_t now);

/* The place of the one to leave for another when all are taken; -1: one is free, or all are to be
 * given more time. */
int lobby_dispensable(const Lobby *lobby, uint64_t now);

bool lobby_is_full(const Lobby *lobby);

/* Nanoseconds that were nobody's fault: they do not count. */
void lobby_pause(Lobby *lobby, uint64_t ns);

/* When the first of them will have been there for so long; UINT64_MAX: nobody is. */
uint64_t lobby_deadline(const Lobby *lobby, uint64_t ms);

void lobby_close(Lobby *lobby);

#endif
