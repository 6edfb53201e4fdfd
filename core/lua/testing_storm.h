/* Storm - for whole test runs: signals, thousands a second, that interrupt what waits. */
#ifndef PARALLEL_LUA_LUA_TESTING_STORM_H
#define PARALLEL_LUA_LUA_TESTING_STORM_H

#include "core/lua/compat.h"

/* Adds testing.storm(rate) to the table on top of the stack. */
void testing_storm_register(lua_State *L);

#endif
