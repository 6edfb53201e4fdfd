/* Cap - how much memory the Lua of a worker may have.
 *
 * Only for Lua 5.4: there an allocation beyond the cap is a clean "not enough
 * memory", after Lua has tried to collect what it no longer needs. */
#ifndef PARALLEL_LUA_LUA_CAP_H
#define PARALLEL_LUA_LUA_CAP_H

#include <stdbool.h>

#include "core/lua/compat.h"

typedef struct {
    lua_Alloc allocate; // the state's own, which still does the work
    void *context;
    size_t used, most;
    bool exceeded; // something was refused
} Cap;

/* From now on the state has at most so many bytes. `cap` lives as long as the state. */
void cap_install(Cap *cap, lua_State *L, size_t most);

/* Was the cap ever hit? Then there is none any more: what is to be told of it needs memory. */
bool cap_lift(Cap *cap);

/* The bytes that the state has now, capped or not. */
size_t cap_used(lua_State *L);

#endif
