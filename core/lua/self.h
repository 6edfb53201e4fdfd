/* Self - the worker as its handlers in Lua see it:
 *
 *     self:index()      which worker of the pool, from 1
 *     self:item(n)      part n of the task is running now: for blame and limits; raises when the
 *                       pool has condemned it; without n: none is running now
 *     self:running()    which part began last, or 0
 *     self:retire()     leave after this task: the pool's `finish` runs, another worker comes
 *     self:progress()   see core/lua/records.h
 *
 * core.inline_self(limit, times) makes one for a process that is no worker, whose items may take
 * so many seconds each (nil: any time), and tell when they begin if `times` is true, with
 *
 *     self:run(f, ...)  as pcall(f, self, ...): the items run in there
 *     self:taken()      all that was sent as parts or committed to its ledger, and the
 *                       parcel of shared objects among it */
#ifndef PARALLEL_LUA_LUA_SELF_H
#define PARALLEL_LUA_LUA_SELF_H

#include "core/lua/compat.h"
#include "core/pool/serve.h"

void self_push(lua_State *L, Self *self);

/* Raises when the value is none. */
Self *self_check(lua_State *L, int index);

void self_register(lua_State *L);

#endif
