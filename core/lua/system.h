/* System - the little that the Lua files need to know of the machine. */
#ifndef PARALLEL_LUA_LUA_SYSTEM_H
#define PARALLEL_LUA_LUA_SYSTEM_H

#include "core/lua/compat.h"

/* core.clock() seconds, monotonic; core.cpu_count(); core.is_terminal(fd);
 * core.terminal_width(fd) or nil;
 * core.poll(fds, timeout) those that can be read, none when a signal came. Of this process:
 * core.nice(more), core.pin(processor), from 1, counted round: true or nil, message, errno;
 * core.title(name). */
void system_register(lua_State *L);

#endif
