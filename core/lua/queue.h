/* Queue - values that any number of processes put and get, first in, first out.
 *
 *     queue = core.queue(maxsize)     nil, 0 and less: as many as memory holds
 *     queue:put(value, timeout)       true, or nil, "timeout", "full"; raises when it cannot be
 * sent queue:get(timeout)              a value, or nil, "timeout", or nil, "closed"
 *     queue:put_nowait(value)         put and get with a timeout of 0
 *     queue:get_nowait()
 *     queue:qsize(), queue:empty(), queue:full()     as it is just now
 *     queue:ready()                   whether get would return at once
 *     queue:task_done()               one value that was got is done with; raises when all are
 *     queue:join(timeout)             true when all that was put is done with, or nil, "timeout"
 *     queue:close()                   for everybody: nothing more is put; what is there can be got
 *
 * What was put is there when put returns. core.Queue is their metatable. Values cross as the codec
 * says, functions too. */
#ifndef PARALLEL_LUA_LUA_QUEUE_H
#define PARALLEL_LUA_LUA_QUEUE_H

#include "core/lua/compat.h"

void queue_register(lua_State *L);

#endif
