/* Client, as Lua sees it: core.client(address, key, timeout, alone) connects to a listener.
 *
 * `alone`: neither this nor what the connection waits for lets pools go on. A connection (core/lua/connection.h); key false: none. nil, "timeout"; nil,
 * "authentication failed"; nil, "cannot connect to ADDRESS: REASON". */
#ifndef PARALLEL_LUA_LUA_CLIENT_H
#define PARALLEL_LUA_LUA_CLIENT_H

#include "core/lua/compat.h"

void client_register(lua_State *L);

#endif
