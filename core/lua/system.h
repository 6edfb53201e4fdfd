/* System - the little that the Lua files need to know of the machine. */
#ifndef PARALLEL_LUA_LUA_SYSTEM_H
#define PARALLEL_LUA_LUA_SYSTEM_H

#include "core/lua/compat.h"

/* core.clock() seconds, monotonic; core.cpu_count(); core.pid();
 * core.is_terminal(fd); core.terminal_width(fd) or nil. */
void system_register(lua_State *L);

#endif
