#include "core/lua/listener.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "core/lua/blame.h"
#include "core/lua/core.h"
#include "core/lua/remote.h"
#include "core/lua/vigil.h"
#include "core/net/listener.h"

static const char LISTENER[] = "parallel.core.listener";

static Listener *check_open(lua_State *L) {
    Listener *listener = luaL_checkudata(L, 1, LISTENER);
    if (listener->fd == -1) blame(L, "attempt to use a closed listener");
    if (listener->owner != getpid())
        blame(L, "this listener belongs to process %d", (int)listener->owner);
    return listener;
}

static const char *why_not_open(lua_State *L) {
    if (errno == EACCES) return "without a key only loopback addresses and paths are offered";
    return remote_reason(L, errno);
}

static int core_listener(lua_State *L) {
    static const char WHAT[] = "cannot listen on";
    Address address;
    Secret secret;
    const char *text = luaL_checkstring(L, 1);
    bool has_secret;
    const char *why = remote_secret(L, 2, &secret, &has_secret);
    lua_Integer backlog = luaL_checkinteger(L, 3);
    luaL_argcheck(L, backlog > 0 && backlog <= INT_MAX, 3, "a backlog is at least 1");
    if (!why) why = remote_address(L, 1, &address);
    if (why) return remote_failure(L, WHAT, text, why);
    Listener *listener = lua_newuserdatauv(L, sizeof *listener, 0);
    *listener = LISTENER_CLOSED;
    luaL_setmetatable(L, LISTENER);
    if (listener_open(listener, &address, (int)backlog, has_secret ? &secret : NULL) == 0) return 1;
    return remote_failure(L, WHAT, text, why_not_open(L));
}

static void push_who(lua_State *L, const Visitor *visitor) {
    char text[ADDRESS_TEXT];
    if (visitor->pid) {
        lua_pushfstring(L, "pid %d", (int)visitor->pid);
    } else if (visitor->address.name.any.sa_family != AF_UNSPEC) {
        address_text(&visitor->address, text);
        lua_pushstring(L, text);
    } else {
        lua_pushliteral(L, "somebody who is gone");
    }
}

static int refused(lua_State *L, const Visitor *visitor) {
    const char *reason = remote_reason(L, visitor->error);
    lua_pushnil(L);
    lua_pushliteral(L, "refused");
    lua_pushstring(L, reason);
    push_who(L, visitor);
    return 4;
}

// A connection, closed as yet, lies at index 3.
static int came(lua_State *L, const Listener *listener, const Visitor *visitor) {
    ConnectionTrust trust = remote_trust(&listener->address, listener->has_secret);
    connection_open(L, 3, visitor->fd, visitor->stream, trust);
    lua_pushvalue(L, 3);
    push_who(L, visitor);
    return 2;
}

static int listener_method_accept(lua_State *L) {
    Vigil vigil = vigil_begin(L, remote_deadline(L, 2));
    int outcome;
    lua_settop(L, 2);
    connection_push(L);
    do {
        Listener *listener = check_open(L); // a callback of a pool may have closed it
        Visitor visitor;
        Visit visit = listener_accept(listener, vigil.until, &visitor);
        if (visit == LISTENER_CAME) return came(L, listener, &visitor);
        if (visit == LISTENER_REFUSED) return refused(L, &visitor);
        if (visit == LISTENER_ERROR && errno != EINTR)
            return luaL_fileresult(L, 0, "cannot accept");
        outcome = visit == LISTENER_NOBODY ? 0 : -1;
    } while (vigil_goes_on(L, &vigil, outcome));
    lua_pushnil(L);
    lua_pushliteral(L, "timeout");
    return 2;
}

static int listener_method_address(lua_State *L) {
    char text[ADDRESS_TEXT];
    address_text(&check_open(L)->address, text);
    lua_pushstring(L, text);
    return 1;
}

static int listener_method_fileno(lua_State *L) {
    lua_pushinteger(L, check_open(L)->poller.fd);
    return 1;
}

static int listener_method_closed(lua_State *L) {
    const Listener *listener = luaL_checkudata(L, 1, LISTENER);
    lua_pushboolean(L, listener->fd == -1);
    return 1;
}

static int listener_method_close(lua_State *L) {
    listener_close(luaL_checkudata(L, 1, LISTENER));
    return 0;
}

static const luaL_Reg METHODS[] = {
    {"accept", listener_method_accept},
    {"address", listener_method_address},
    {"fileno", listener_method_fileno},
    {"closed", listener_method_closed},
    {"close", listener_method_close},
    {"__gc", listener_method_close},
    {NULL, NULL},
};

void listener_register(lua_State *L) {
    core_class(L, LISTENER, METHODS);
    lua_pushcfunction(L, core_listener);
    lua_setfield(L, -2, "listener");
}
