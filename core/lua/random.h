/* Random - streams of random numbers that are fixed by a seed and a number.
 *
 *     stream = core.random_stream(seed, i)
 *     stream()  stream(n)  stream(m, n)      as math.random
 *
 * The generator is that of Lua 5.4, on both Luas: there math.random after
 * math.randomseed(seed, i) draws the same numbers. */
#ifndef PARALLEL_LUA_LUA_RANDOM_H
#define PARALLEL_LUA_LUA_RANDOM_H

#include "core/lua/compat.h"

void random_register(lua_State *L);

#endif
