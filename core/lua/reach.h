/* Reach - which descriptors some Lua values lead to: what a forked child needs kept open.
 *
 * Followed are tables, metatables, upvalues, and what userdata hold of Lua; not what
 * the locals of suspended coroutines hold. Userdata of other libraries are asked for a
 * descriptor by their methods `getfd` and `pollfd`, as event loops do. */
#ifndef PARALLEL_LUA_LUA_REACH_H
#define PARALLEL_LUA_LUA_REACH_H

#include "core/lua/compat.h"
#include "core/wire/buffer.h"

/* Appends, as int, the descriptors of open files, sockets and shared objects that forked
 * children do not keep anyway (core/lua/shared.h) which the `count` values from index
 * `first` on lead to. Raises memory errors; `fds` must belong to a userdata. */
void reach_descriptors(lua_State *L, int first, int count, Buffer *fds);

/* core.reach(...): those of the arguments, as a list. */
void reach_register(lua_State *L);

#endif
