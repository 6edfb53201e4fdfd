#include "core/lua/client.h"

#include <errno.h>

#include "core/lua/core.h"
#include "core/lua/interrupt.h"
#include "core/lua/remote.h"
#include "core/net/client.h"

static const char CLIENT[] = "parallel.core.client";

static int client_gc(lua_State *L) {
    client_close(luaL_checkudata(L, 1, CLIENT));
    return 0;
}

// Pushes one, closed as yet: an error on the way leaves it to the collector.
static Client *push(lua_State *L) {
    Client *client = lua_newuserdatauv(L, sizeof *client, 0);
    *client = CLIENT_CLOSED;
    luaL_setmetatable(L, CLIENT);
    return client;
}

static int failure(lua_State *L) {
    int error = errno;
    if (error == EACCES) return lua_pushnil(L), lua_pushliteral(L, "authentication failed"), 2;
    return remote_failure(L, "cannot connect to", lua_tostring(L, 1), remote_reason(L, error));
}

// 1, 0 when the time ran out, or -1 with errno. Raises what a signal does.
static int connect_to(lua_State *L, Client *client, uint64_t deadline) {
    int connected;
    while ((connected = client_connect(client, deadline)) == -1 && errno == EINTR)
        interrupt_check(L);
    return connected;
}

// The connection lies at index 4.
static int hand_over(lua_State *L, Client *client) {
    int fd;
    Stream *stream;
    ConnectionTrust trust = remote_trust(&client->address, client->has_secret);
    if (client_take(client, &fd, &stream) == -1) return failure(L);
    connection_open(L, 4, fd, stream, trust);
    lua_pushvalue(L, 4);
    return 1;
}

static int core_client(lua_State *L) {
    Address address;
    Secret secret;
    const char *text = luaL_checkstring(L, 1);
    bool has_secret;
    const char *why = remote_secret(L, 2, &secret, &has_secret);
    uint64_t deadline = remote_deadline(L, 3);
    if (!why) why = remote_address(L, 1, &address);
    if (why) return remote_failure(L, "cannot connect to", text, why);
    lua_settop(L, 3);
    connection_push(L);
    Client *client = push(L);
    if (client_open(client, &address, has_secret ? &secret : NULL) == -1) return failure(L);
    int connected = connect_to(L, client, deadline);
    if (connected == 1) return hand_over(L, client);
    int results = connected == 0 ? (lua_pushnil(L), lua_pushliteral(L, "timeout"), 2) : failure(L);
    client_close(client); // now: the listener waits for it
    return results;
}

void client_register(lua_State *L) {
    static const luaL_Reg METHODS[] = {{"__gc", client_gc}, {NULL, NULL}};
    core_class(L, CLIENT, METHODS);
    lua_pushcfunction(L, core_client);
    lua_setfield(L, -2, "client");
}
