/* Event - a flag that processes wait for.
 *
 *     event = core.event()
 *     event:set(), event:clear(), event:is_set()
 *     event:wait(timeout)     true, or nil, "timeout"
 *     event:close() */
#ifndef PARALLEL_LUA_LUA_EVENT_H
#define PARALLEL_LUA_LUA_EVENT_H

#include "core/lua/compat.h"

void event_register(lua_State *L);

#endif
