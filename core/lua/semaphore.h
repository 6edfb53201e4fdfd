/* Semaphore - a number of units that any process may take and give back.
 *
 *     semaphore = core.semaphore(units)      core.bounded_semaphore(units): never more than those
 *     semaphore:acquire(timeout)             true, or false: none in time
 *     semaphore:release()                    raises when there would be too many
 *     semaphore:value()                      the units that are there
 *     semaphore:close()
 *
 * core.Semaphore holds its methods. */
#ifndef PARALLEL_LUA_LUA_SEMAPHORE_H
#define PARALLEL_LUA_LUA_SEMAPHORE_H

#include "core/lua/compat.h"

void semaphore_register(lua_State *L);

#endif
