/* Starter, as Lua sees it (core.starter): makes processes that begin anew, for pools' workers.
 *
 *     starter = core.starter("spawn", argv)      each is the program argv, executed
 *     starter = core.starter("template", argv)   each is forked by a process that is
 *
 * argv is a list of strings, the first a path; what its last must be is said in
 * core/lua/recruit.h. The template lives while pools hold the starter. */
#ifndef PARALLEL_LUA_LUA_STARTER_H
#define PARALLEL_LUA_LUA_STARTER_H

#include "core/lua/compat.h"
#include "core/pool/starter.h"

typedef struct LuaStarter LuaStarter;

/* Raises when the value is none. */
LuaStarter *starter_check(lua_State *L, int index);

/* For a pool that holds it. */
Starter starter_of(LuaStarter *starter);

void starter_hold(LuaStarter *starter);
void starter_release(LuaStarter *starter);

void starter_register(lua_State *L);

#endif
