/* Client, as Lua sees it: core.client(address, key, timeout, alone) connects to a listener.
 *
 * Gives a connection (core/lua/connection.h); nil, "timeout"; nil, "authentication failed"; or nil,
 * "cannot connect to ADDRESS: REASON". `key` false: none. `alone`: neither this nor what the
 * connection waits for lets pools go on. */
#ifndef PARALLEL_LUA_LUA_CLIENT_H
#define PARALLEL_LUA_LUA_CLIENT_H

#include "core/lua/compat.h"

void client_register(lua_State *L);

#endif
