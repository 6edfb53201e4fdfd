#include "core/lua/testing_net.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/lua/core.h"
#include "core/lua/remote.h"
#include "core/net/lobby.h"
#include "core/os/descriptor.h"

static const char RAW[] = "parallel.testing.raw";
static const char HANDSHAKE[] = "parallel.testing.handshake";
static const char LOBBY[] = "parallel.testing.lobby";

enum { PATIENCE_MS = 5000 };

// ---- raw sockets ----------------------------------------------------------

typedef struct {
    int fd;
} Raw;

static Raw *push_raw(lua_State *L) {
    Raw *raw = lua_newuserdatauv(L, sizeof *raw, 0);
    raw->fd = -1;
    luaL_setmetatable(L, RAW);
    return raw;
}

static Raw *check_raw(lua_State *L) {
    return luaL_checkudata(L, 1, RAW);
}

static int testing_dial(lua_State *L) {
    Address address;
    const char *why = remote_address(L, 1, &address);
    if (why) return luaL_error(L, "%s", why);
    Raw *raw = push_raw(L);
    raw->fd = socket(address.name.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(raw->fd, &address.name.any, address.size) == 0) return 1;
    return luaL_fileresult(L, 0, "cannot dial");
}

static int testing_listen(lua_State *L) {
    Address address;
    const char *why = remote_address(L, 1, &address);
    if (why) return luaL_error(L, "%s", why);
    Raw *raw = push_raw(L);
    raw->fd = socket(address.name.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(raw->fd, &address.name.any, address.size) == -1 || listen(raw->fd, 16) == -1 ||
        getsockname(raw->fd, &address.name.any, &address.size) == -1)
        return luaL_fileresult(L, 0, "cannot listen");
    char text[ADDRESS_TEXT];
    address_text(&address, text);
    lua_pushstring(L, text);
    return 2;
}

static int raw_accept(lua_State *L) {
    int fd = check_raw(L)->fd;
    Raw *raw = push_raw(L);
    raw->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    return raw->fd == -1 ? luaL_fileresult(L, 0, "cannot accept") : 1;
}

static int raw_fileno(lua_State *L) {
    lua_pushinteger(L, check_raw(L)->fd);
    return 1;
}

static int raw_reset_at_end(lua_State *L) {
    struct linger at_once = {.l_onoff = lua_toboolean(L, 2)};
    setsockopt(check_raw(L)->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return 0;
}

static int raw_write(lua_State *L) {
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    for (size_t put = 0; put < size;) {
        ssize_t count = descriptor_send(check_raw(L)->fd, bytes + put, size - put, NULL, 0);
        if (count == -1) return luaL_fileresult(L, 0, "write");
        put += (size_t)count;
    }
    lua_pushboolean(L, 1);
    return 1;
}

static int raw_read(lua_State *L) {
    static char bytes[1 << 20]; // of a spec's, which has one thread
    struct pollfd polled = {.fd = check_raw(L)->fd, .events = POLLIN};
    size_t most = (size_t)luaL_optinteger(L, 2, sizeof bytes);
    if (most > sizeof bytes) most = sizeof bytes;
    int ready;
    do ready = poll(&polled, 1, (int)luaL_optinteger(L, 3, PATIENCE_MS));
    while (ready == -1 && errno == EINTR);
    if (ready == 0) return 0;
    ssize_t count = descriptor_read(polled.fd, bytes, most);
    lua_pushlstring(L, bytes, count > 0 ? (size_t)count : 0);
    return 1;
}

static int raw_close(lua_State *L) {
    descriptor_close(&check_raw(L)->fd);
    return 0;
}

// ---- handshakes -----------------------------------------------------------

typedef struct {
    Handshake handshake;
    Secret secret;
} Spoken;

static void begin(lua_State *L, Spoken *spoken, HandshakeRole role, const char *key) {
    if (key && secret_of(&spoken->secret, key, strlen(key)) == -1)
        luaL_error(L, "there are no keys in this build");
    if (handshake_begin(&spoken->handshake, role, key ? &spoken->secret : NULL) == -1)
        luaL_error(L, "no randomness");
}

static int testing_handshake(lua_State *L) {
    static const char *const ROLES[] = {"client", "server", NULL};
    int role = luaL_checkoption(L, 1, NULL, ROLES);
    const char *key = luaL_optstring(L, 2, NULL);
    Spoken *spoken = lua_newuserdatauv(L, sizeof *spoken, 0);
    begin(L, spoken, (HandshakeRole)role, key);
    luaL_setmetatable(L, HANDSHAKE);
    return 1;
}

static Handshake *check_handshake(lua_State *L) {
    return &((Spoken *)luaL_checkudata(L, 1, HANDSHAKE))->handshake;
}

static int push_errno(lua_State *L) {
    int error = errno;
    lua_pushnil(L);
    lua_pushstring(L, strerrorname_np(error));
    return 2;
}

static int handshake_method_hear(lua_State *L) {
    Handshake *handshake = check_handshake(L);
    size_t size, taken = 0;
    const char *bytes = luaL_checklstring(L, 2, &size);
    while (taken < size && handshake_wants(handshake) > 0) {
        size_t part = handshake_wants(handshake);
        if (part > size - taken) part = size - taken;
        if (handshake_hear(handshake, bytes + taken, part) == -1) return push_errno(L);
        taken += part;
    }
    lua_pushboolean(L, 1);
    lua_pushlstring(L, bytes + taken, size - taken);
    return 2;
}

static int handshake_method_speech(lua_State *L) {
    Handshake *handshake = check_handshake(L);
    const void *bytes;
    size_t size = handshake_speech(handshake, &bytes);
    size_t most = (size_t)luaL_optinteger(L, 2, HANDSHAKE_MOST);
    lua_pushlstring(L, bytes, size < most ? size : most);
    handshake_wrote(handshake, size < most ? size : most);
    return 1;
}

static int handshake_method_done(lua_State *L) {
    lua_pushboolean(L, handshake_is_done(check_handshake(L)));
    return 1;
}

// ---- what lies between two ends -------------------------------------------

static void tell(Handshake *from, Handshake *to) {
    const void *bytes;
    size_t size = handshake_speech(from, &bytes);
    if (size > 0 && handshake_hear(to, bytes, size) == 0) handshake_wrote(from, size);
}

// Pushes the connection and the raw end of one side.
static void push_end(lua_State *L, const Handshake *handshake) {
    int fd;
    Stream *stream;
    connection_push(L);
    Raw *raw = push_raw(L);
    if (descriptor_socketpair(&fd, &raw->fd) == -1 || descriptor_unblock(fd) == -1 ||
        stream_make(&stream, handshake) == -1)
        luaL_error(L, "no sockets");
    connection_open(L, -2, fd, stream, handshake->secret ? TRUST_ALL : TRUST_NOBODY);
}

static int testing_sealed_ends(lua_State *L) {
    Spoken client, server;
    const char *key = luaL_checkstring(L, 1);
    begin(L, &client, HANDSHAKE_CLIENT, key);
    begin(L, &server, HANDSHAKE_SERVER, key);
    for (int i = 0; i < 2; i++) {
        tell(&client.handshake, &server.handshake);
        tell(&server.handshake, &client.handshake);
    }
    push_end(L, &client.handshake);
    push_end(L, &server.handshake);
    return 4;
}

// ---- lobbies --------------------------------------------------------------

typedef struct {
    Lobby lobby;
    Poller poller;
} Tried;

static int testing_lobby(lua_State *L) {
    Tried *tried = lua_newuserdatauv(L, sizeof *tried, 0);
    tried->poller.fd = -1;
    lobby_open(&tried->lobby);
    luaL_setmetatable(L, LOBBY);
    return poller_open(&tried->poller) == -1 ? push_errno(L) : 1;
}

static Tried *check_lobby(lua_State *L) {
    return luaL_checkudata(L, 1, LOBBY);
}

static uint64_t check_time(lua_State *L, int index) {
    return (uint64_t)(luaL_checknumber(L, index) * 1e9);
}

static int push_place(lua_State *L, int place) {
    if (place == -1) return 0;
    lua_pushinteger(L, place);
    return 1;
}

static int lobby_method_admit(lua_State *L) {
    Tried *tried = check_lobby(L);
    int fd;
    Raw *raw = push_raw(L);
    if (descriptor_socketpair(&fd, &raw->fd) == -1 || descriptor_unblock(fd) == -1)
        return push_errno(L);
    int place = lobby_admit(&tried->lobby, fd, NULL, &tried->poller, check_time(L, 2));
    if (place == -1) return push_errno(L);
    lua_pushinteger(L, place);
    lua_insert(L, -2);
    return 2;
}

static int lobby_method_step(lua_State *L) {
    Tried *tried = check_lobby(L);
    int stepped = lobby_step(&tried->lobby, (int)luaL_checkinteger(L, 2), &tried->poller);
    if (stepped == -1) return push_errno(L);
    lua_pushboolean(L, stepped);
    return 1;
}

static int lobby_method_overdue(lua_State *L) {
    return push_place(L, lobby_overdue(&check_lobby(L)->lobby, check_time(L, 2)));
}

static int lobby_method_dispensable(lua_State *L) {
    return push_place(L, lobby_dispensable(&check_lobby(L)->lobby, check_time(L, 2)));
}

static int lobby_method_dismiss(lua_State *L) {
    lobby_dismiss(&check_lobby(L)->lobby, (int)luaL_checkinteger(L, 2), NULL);
    return 0;
}

static int lobby_method_pause(lua_State *L) {
    lobby_pause(&check_lobby(L)->lobby, check_time(L, 2));
    return 0;
}

static int lobby_method_close(lua_State *L) {
    Tried *tried = check_lobby(L);
    lobby_close(&tried->lobby);
    poller_close(&tried->poller);
    return 0;
}

// ---- registration ---------------------------------------------------------

static const luaL_Reg FUNCTIONS[] = {
    {"dial", testing_dial},           {"listen", testing_listen},
    {"handshake", testing_handshake}, {"sealed_ends", testing_sealed_ends},
    {"lobby", testing_lobby},         {NULL, NULL},
};

static const luaL_Reg RAW_METHODS[] = {
    {"write", raw_write},
    {"read", raw_read},
    {"accept", raw_accept},
    {"fileno", raw_fileno},
    {"reset_at_end", raw_reset_at_end},
    {"close", raw_close},
    {"__gc", raw_close},
    {NULL, NULL},
};

static const luaL_Reg HANDSHAKE_METHODS[] = {
    {"hear", handshake_method_hear},
    {"speech", handshake_method_speech},
    {"done", handshake_method_done},
    {NULL, NULL},
};

static const luaL_Reg LOBBY_METHODS[] = {
    {"admit", lobby_method_admit},
    {"step", lobby_method_step},
    {"overdue", lobby_method_overdue},
    {"dispensable", lobby_method_dispensable},
    {"dismiss", lobby_method_dismiss},
    {"pause", lobby_method_pause},
    {"close", lobby_method_close},
    {"__gc", lobby_method_close},
    {NULL, NULL},
};

void testing_net_register(lua_State *L) {
    core_class(L, RAW, RAW_METHODS);
    core_class(L, HANDSHAKE, HANDSHAKE_METHODS);
    core_class(L, LOBBY, LOBBY_METHODS);
    luaL_setfuncs(L, FUNCTIONS, 0);
}
