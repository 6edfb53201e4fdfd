/* Recruit, as Lua sees it: the life of a process that a starter made.
 *
 *     core.recruit(numbers, open)            a worker
 *     core.recruit_template(numbers, open)   a template, and each worker that it forks
 *
 * `numbers` is the string of descriptors that spawn_start appends to the last
 * argument. open(letter, parcel) makes of the pool's letter the table of
 * core/lua/service.h. Neither returns: the process ends with them. */
#ifndef PARALLEL_LUA_LUA_RECRUIT_H
#define PARALLEL_LUA_LUA_RECRUIT_H

#include "core/lua/compat.h"

void recruit_register(lua_State *L);

#endif
