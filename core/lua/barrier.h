/* Barrier - where processes wait until so many have come.
 *
 *     barrier = core.barrier(parties)
 *     barrier:wait(timeout, action)   this one's place in the order of arrival, from 1; or nil,
 *                                     "broken". The last to come runs action() before all go on;
 *                                     what that raises breaks the barrier and is raised
 *     barrier:abort(), barrier:reset()
 *     barrier:parties(), barrier:waiting(), barrier:is_broken()
 *     barrier:close()
 *
 * lua/parallel/sync/barrier.lua is what users see. */
#ifndef PARALLEL_LUA_LUA_BARRIER_H
#define PARALLEL_LUA_LUA_BARRIER_H

#include "core/lua/compat.h"

void barrier_register(lua_State *L);

#endif
