/* What specs of core/net need: strangers, handshakes without sockets, and what lies between two
 * ends. Part of core.testing, in test builds only.
 *
 *     raw = testing.dial(address)     a socket of a stranger: :write(bytes) true or nil, message;
 *                                     :read(most) what comes within 5 s at most, "" at the end, nil
 * when nothing does; :close() testing.sealed_ends(key)        connection, raw, connection, raw:
 * what one sends can be read from its raw end, and written to the other's h =
 * testing.handshake(role, key)      "client" or "server"; key nil: none h:hear(bytes) true, or nil
 * and the errno's name; takes no more than is wanted, and returns the rest h:speech(most)  h:done()
 * what it says; is it over? lobby = testing.lobby()         times in seconds lobby:admit(now) place
 * and the stranger's raw end; nil when it is full lobby:step(place)               true, false, or
 * nil and the errno's name lobby:overdue(now)  lobby:dispensable(now)      a place or nil
 *     lobby:dismiss(place)  lobby:pause(seconds)  lobby:close() */
#ifndef PARALLEL_LUA_LUA_TESTING_NET_H
#define PARALLEL_LUA_LUA_TESTING_NET_H

#include "core/lua/compat.h"

void testing_net_register(lua_State *L);

#endif
