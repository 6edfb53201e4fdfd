/* LuaService - what a worker does, as functions of Lua: a Service (core/pool/serve.h).
 *
 *     {begin = function(self) end,
 *      handle = function(self, payload, parcel, bulk) return reply end,
 *      finish = function(self) end or nil,
 *      memory = bytes or nil,
 *      output, name: see core/lua/outlets.h,
 *      times = true when core.outcomes shall tell when items began, or nil}
 *
 * payload are Bytes (core/lua/bytes.h); so is bulk, what was submitted beside it, or nil.
 * Both are released when the function has returned.
 *
 * Made where the functions are: in the pool's owner, for workers that inherit them;
 * in the worker when its process began anew. */
#ifndef PARALLEL_LUA_LUA_SERVICE_H
#define PARALLEL_LUA_LUA_SERVICE_H

#include "core/lua/compat.h"
#include "core/lua/guard.h"
#include "core/lua/outlets.h"
#include "core/pool/serve.h"

typedef struct {
    lua_State *L;              // the thread in which they run
    int begin, handle, finish; // references of the functions in the registry
    size_t memory;             // that the Lua of a worker may have, or 0
    const Buffer *kept;        // descriptors that a forked worker inherits, or NULL
    bool times;                // workers report when items begin
    Outlets outlets;
    Guard guard; // in the worker
} LuaService;

/* One without functions. */
LuaService service_none(lua_State *L);

/* Refers to those in the table at this index. Raises when they are none. */
void service_refer(LuaService *own, lua_State *L, int table);

/* Refers to none again; twice is harmless. */
void service_forget(LuaService *own, lua_State *L);

/* For a pool, or for serve. `own` lives as long as they use it. */
Service service_of(LuaService *own);

#endif
