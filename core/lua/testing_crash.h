/* Crash - for specs: what user code in C may do to the process it runs in. */
#ifndef PARALLEL_LUA_LUA_TESTING_CRASH_H
#define PARALLEL_LUA_LUA_TESTING_CRASH_H

#include "core/lua/compat.h"

/* Adds testing.crash(how) to the table on top of the stack. */
void testing_crash_register(lua_State *L);

#endif
