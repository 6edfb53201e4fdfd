#include "core/lua/client.h"

#include <errno.h>

#include "core/lua/core.h"
#include "core/lua/remote.h"
#include "core/lua/vigil.h"
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
static int connect_to(lua_State *L, Client *client, Vigil vigil) {
    int connected;
    do {
        connected = client_connect(client, vigil.until);
        if (connected == -1 && errno != EINTR) return -1;
    } while (vigil_goes_on(L, &vigil, connected));
    return connected;
}

// The connection lies at index 5.
static int hand_over(lua_State *L, Client *client, bool alone) {
    int fd;
    Stream *stream;
    ConnectionTrust trust = remote_trust(&client->address, client->has_secret);
    if (client_take(client, &fd, &stream) == -1) return failure(L);
    connection_open(L, 5, fd, stream, trust);
    if (alone) connection_wait_alone(L, 5);
    lua_pushvalue(L, 5);
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
    bool alone = lua_toboolean(L, 4);
    lua_settop(L, 4);
    connection_push(L);
    Client *client = push(L);
    if (client_open(client, &address, has_secret ? &secret : NULL) == -1) return failure(L);
    int connected = connect_to(L, client, alone ? vigil_alone(deadline) : vigil_begin(L, deadline));
    if (connected == 1) return hand_over(L, client, alone);
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
