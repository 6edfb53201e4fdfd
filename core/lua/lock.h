/* Lock - one process at a time has it; when that dies, the next one gets it.
 *
 *     lock = core.lock()           core.rlock(): its holder may acquire it again
 *     lock:acquire(timeout)        true; true, "abandoned" when its holder died; false: too late
 *     lock:release()               raises when this process does not hold it
 *     lock:is_held()               by this process
 *     depth = lock:unwind()        gives it up whole, for a while: raises as release does
 *     lock:rewind(depth)           true; true, "abandoned"; no signal interrupts it
 *     lock:close()                 releases it if need be
 *
 * core.Lock and core.RLock are their methods. */
#ifndef PARALLEL_LUA_LUA_LOCK_H
#define PARALLEL_LUA_LUA_LOCK_H

#include "core/lua/compat.h"
#include "core/sync/mutex.h"

/* In shared memory. */
typedef struct {
    Mutex mutex;
    uint32_t depth; // how often its holder has acquired it; of no meaning when nobody holds it
} Lock;

/* Gives the class on top of the stack the methods of an RLock: it is one of userdata that begin
 * with a Sync, of which the memory begins with a Lock. `noun` is for messages. */
void lock_add_methods(lua_State *L, const char *type, const char *noun);

void lock_register(lua_State *L);

#endif
