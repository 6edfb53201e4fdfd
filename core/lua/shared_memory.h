/* Shared memory - bytes that processes share, by a name or without.
 *
 *     core.shared_memory(name, size)     makes it; name: as core/os/named.h says, or nil
 *     core.attach_memory(name)           finds it
 *     core.unlink_memory(name)           true
 *     memory:read(offset, size)          a string; the offset counts from 0
 *     memory:write(offset, bytes)
 *     memory:count()                     how many bytes it had when it was made or attached
 *     memory:close()
 *
 * What cannot be made, found or unlinked is nil, message. Whether offsets are in range is the
 * caller's to see, which is lua/parallel/shared/shared_memory.lua; it owns the interface for users.
 */
#ifndef PARALLEL_LUA_LUA_SHARED_MEMORY_H
#define PARALLEL_LUA_LUA_SHARED_MEMORY_H

#include "core/lua/compat.h"

void shared_memory_register(lua_State *L);

#endif
