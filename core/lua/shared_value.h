/* Shared value - one number that processes share, as Lua sees it.
 *
 *     core.shared_value(ctype, init)     init: 0 or false when left out
 *     v.value, v.value = x
 *     v:add(n)                           n: 1 when left out; returns the new value
 *     v:compare_and_set(old, new)        whether it held `old`, and now holds `new`
 *     v:acquire(timeout), :release(), :is_held()     its lock: as those of an RLock
 *     v:close()
 *
 * Each is one step, whoever holds the lock: that is for those who want several. */
#ifndef PARALLEL_LUA_LUA_SHARED_VALUE_H
#define PARALLEL_LUA_LUA_SHARED_VALUE_H

#include "core/lua/compat.h"

void shared_value_register(lua_State *L);

#endif
