/* Listener, as Lua sees it: where clients (core/lua/client.h) connect to.
 *
 *     core.listener(address, key, backlog)   key false: none. nil, message
 *     listener:accept(timeout)   a connection, and who it is; nil, "timeout"; nil, "refused", why,
 *                                and who: a stranger, after whom it may go on; nil, message
 *     listener:address()         with the port that was chosen
 *     listener:fileno()          readable when accept has something to do, in part at least
 *     listener:close()  listener:closed()
 *
 * Who it is: the address, or "pid 4711" when it came by a path. */
#ifndef PARALLEL_LUA_LUA_LISTENER_H
#define PARALLEL_LUA_LUA_LISTENER_H

#include "core/lua/compat.h"

void listener_register(lua_State *L);

#endif
