/* Sync - what the objects of core/sync have in common as Lua sees them: locks,
 * semaphores, events, conditions, barriers and queues; and shared values and arrays.
 *
 * Each is a userdata that begins with a Sync and lies in a segment, which other processes
 * inherit or are sent (core/lua/shared.h). A wait that a signal interrupts goes on after Lua
 * had a chance to act on it; what its hook raises ends the wait. */
#ifndef PARALLEL_LUA_LUA_SYNC_H
#define PARALLEL_LUA_LUA_SYNC_H

#include "core/lua/compat.h"
#include "core/os/segment.h"
#include "core/sync/party.h"

typedef struct {
    Segment segment;
    Passport *passport; // of the Lua state
} Sync;

/* Pushes a userdata of `size` bytes, zeroed but for its Sync, which is closed. */
void *sync_push(lua_State *L, const char *type, size_t size);

/* Gives the Sync on top of the stack so many zeroed bytes, and makes it known to shared.h. */
void sync_make(lua_State *L, Sync *sync, const char *name, size_t bytes);

/* For SharedKind.attach: maps the descriptor, which must have as many bytes, into the Sync on top
 * of the stack. 0, or -1 with the userdata popped. */
int sync_attach(lua_State *L, Sync *sync, int fd, size_t bytes);

/* For SharedKind.attach too: what was mapped is not what it should be. Pops the userdata on top of
 * the stack, leaves the descriptor to the caller, and sets errno. */
void sync_detach(lua_State *L, Sync *sync);

/* For SharedKind.descriptor. */
int sync_descriptor(lua_State *L, int index);

/* The first argument, of this type; raises "attempt to use a closed NOUN". */
void *sync_check(lua_State *L, const char *type, const char *noun);

/* The method close, and __gc: gives the memory up in this process. */
int sync_close(lua_State *L);

/* Seconds from now at this index as a deadline; none is never. */
uint64_t sync_deadline(lua_State *L, int index);

/* The whole number at this index, or `missing` when there is none; raises for other numbers,
 * which not every Lua would by itself. */
lua_Integer sync_whole(lua_State *L, int index, lua_Integer missing);

/* Returns from a wait: true, or nil, "timeout". */
int sync_return(lua_State *L, bool in_time);

static inline Party sync_party(const Sync *sync) {
    return passport_party(sync->passport);
}

#endif
