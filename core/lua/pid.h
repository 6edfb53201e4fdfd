/* Pid - the number of this process, told mostly without a system call (see core/os/owner.h).
 *
 * For what is asked at each use of an object; core.pid() for Lua. */
#ifndef PARALLEL_LUA_LUA_PID_H
#define PARALLEL_LUA_LUA_PID_H

#include <sys/types.h>

#include "core/lua/compat.h"

/* After pid_register, in this state or one that it was forked from. */
pid_t pid_here(lua_State *L);

void pid_register(lua_State *L);

#endif
