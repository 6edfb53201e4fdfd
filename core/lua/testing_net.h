/* What specs of core/net need: strangers, handshakes without sockets, and what lies between two
 * ends. Part of core.testing, in test builds only.
 *
 *     raw = testing.dial(address)         a socket of a stranger
 *     raw, where = testing.listen(address)
 *     raw:accept()                        waits for one; another raw
 *     raw:write(bytes)                    true, or nil and a message
 *     raw:read(most, ms)                  what comes within 5 s or so long, "" at the end, nil when
 *                                         nothing does
 *     raw:fileno()  raw:close()
 *     raw:reset_at_end(yes)               TCP throws away what is on its way when it is closed
 *
 *     connection, raw, connection, raw = testing.sealed_ends(key)
 *                                         what one sends can be read from its raw end, and written
 *                                         to the other's
 *
 *     h = testing.handshake(role, key)    "client" or "server"; key nil: none
 *     h:hear(bytes)                       true and what was beyond its end, or nil and the errno's
 *                                         name
 *     h:speech(most)  h:done()            what it says; is it over?
 *
 *     lobby = testing.lobby()             times in seconds
 *     lobby:admit(now)                    place and the stranger's raw end; nil when it is full
 *     lobby:step(place)                   true, false, or nil and the errno's name
 *     lobby:overdue(now)  lobby:dispensable(now)      a place or nil
 *     lobby:dismiss(place)  lobby:pause(seconds)  lobby:close() */
#ifndef PARALLEL_LUA_LUA_TESTING_NET_H
#define PARALLEL_LUA_LUA_TESTING_NET_H

#include "core/lua/compat.h"

void testing_net_register(lua_State *L);

#endif
