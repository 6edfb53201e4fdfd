/* Condition - the places of processes that wait for a notice; lua/parallel/sync/condition.lua makes
 * a condition of them and a lock. All but await are called while holding that lock.
 *
 *     waiters = core.waiters()
 *     place = waiters:enlist()
 *     waiters:await(place, timeout)    whether notified
 *     waiters:leave(place)             whether notified
 *     waiters:notify(n)                n of them, the first come first
 *     waiters:close() */
#ifndef PARALLEL_LUA_LUA_CONDITION_H
#define PARALLEL_LUA_LUA_CONDITION_H

#include "core/lua/compat.h"

void condition_register(lua_State *L);

#endif
