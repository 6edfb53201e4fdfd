/* Lock - one process at a time has it; when that dies, the next one gets it.
 *
 *     lock = core.lock()             core.rlock(): its holder may acquire it again
 *     lock:acquire(timeout)          true; true, "abandoned" when its holder died; false: not in
 * time lock:release()                 raises when this process does not hold it lock:is_held() by
 * this process depth = lock:unwind()          gives it up whole, for a while: raises as release
 * does lock:rewind(depth)             true; true, "abandoned"; no signal interrupts it lock:close()
 * releases it if need be
 *
 * core.Lock and core.RLock are their methods. */
#ifndef PARALLEL_LUA_LUA_LOCK_H
#define PARALLEL_LUA_LUA_LOCK_H

#include "core/lua/compat.h"

void lock_register(lua_State *L);

#endif
