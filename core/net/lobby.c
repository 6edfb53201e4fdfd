#include "core/net/lobby.h"

#include <errno.h>

#include "core/os/clock.h"
#include "core/os/descriptor.h"
#include "core/os/fault.h"

void lobby_open(Lobby *lobby) {
    for (int i = 0; i < LOBBY_PLACES; i++) lobby->places[i].fd = -1;
}

void lobby_close(Lobby *lobby) {
    for (int i = 0; i < LOBBY_PLACES; i++) descriptor_close(&lobby->places[i].fd);
}

static int free_place(const Lobby *lobby) {
    for (int i = 0; i < LOBBY_PLACES; i++)
        if (lobby->places[i].fd == -1) return i;
    return -1;
}

int lobby_admit(Lobby *lobby, int fd, const Secret *secret, Poller *poller, uint64_t now) {
    int place = free_place(lobby);
    if (place == -1) {
        descriptor_close(&fd);
        errno = EAGAIN;
        return -1;
    }
    Stranger *stranger = &lobby->places[place];
    *stranger = (Stranger){.fd = fd, .came = now};
    if (handshake_begin(&stranger->handshake, HANDSHAKE_SERVER, secret) == -1) goto fail;
    if (poller_watch(poller, fd, POLLER_READ, (uint64_t)place) == -1) goto fail;
    FAULT("lobby.admitted");
    return place;

fail:
    descriptor_close(&stranger->fd);
    return -1;
}

int lobby_step(Lobby *lobby, int place, Poller *poller) {
    Stranger *stranger = &lobby->places[place];
    const void *bytes;
    int stepped = handshake_step(&stranger->handshake, stranger->fd);
    if (stepped != 0) return stepped;
    bool speaks = handshake_speech(&stranger->handshake, &bytes) > 0;
    return poller_watch(poller, stranger->fd, speaks ? POLLER_WRITE : POLLER_READ, (uint64_t)place);
}

void lobby_dismiss(Lobby *lobby, int place, int *fd) {
    if (fd) {
        *fd = lobby->places[place].fd;
        lobby->places[place].fd = -1;
    }
    descriptor_close(&lobby->places[place].fd);
}

// ---- who has been there for too long

static size_t has_said(const Stranger *stranger) {
    return stranger->handshake.met ? HELLO_SIZE + stranger->handshake.heard_size
                                   : stranger->handshake.heard_size;
}

// When a stranger that came then has been there for so long.
static uint64_t later(const Stranger *stranger, uint64_t ms) {
    return stranger->came + ms * NS_PER_MS;
}

static bool is_overdue(const Stranger *stranger, uint64_t now) {
    if (stranger->fd == -1) return false;
    return now >= later(stranger, LOBBY_MS) || FAULT_FAILS("lobby.overdue");
}

int lobby_overdue(const Lobby *lobby, uint64_t now) {
    for (int i = 0; i < LOBBY_PLACES; i++)
        if (is_overdue(&lobby->places[i], now)) return i;
    return -1;
}

static bool is_rather(const Stranger *a, const Stranger *b) {
    if (has_said(a) != has_said(b)) return has_said(a) < has_said(b);
    return a->came < b->came;
}

int lobby_dispensable(const Lobby *lobby, uint64_t now) {
    int worst = -1;
    if (free_place(lobby) != -1) return -1;
    for (int i = 0; i < LOBBY_PLACES; i++) {
        if (now < later(&lobby->places[i], LOBBY_PATIENCE_MS)) continue;
        if (worst == -1 || is_rather(&lobby->places[i], &lobby->places[worst])) worst = i;
    }
    return worst;
}

bool lobby_is_full(const Lobby *lobby) {
    return free_place(lobby) == -1;
}

void lobby_pause(Lobby *lobby, uint64_t ns) {
    for (int i = 0; i < LOBBY_PLACES; i++) lobby->places[i].came += ns;
}

uint64_t lobby_deadline(const Lobby *lobby, uint64_t ms) {
    uint64_t first = UINT64_MAX;
    for (int i = 0; i < LOBBY_PLACES; i++) {
        const Stranger *stranger = &lobby->places[i];
        if (stranger->fd != -1 && later(stranger, ms) < first) first = later(stranger, ms);
    }
    return first;
}
