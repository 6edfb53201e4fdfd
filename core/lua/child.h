/* Child - what a Lua state has to hear of when its process was forked. */
#ifndef PARALLEL_LUA_LUA_CHILD_H
#define PARALLEL_LUA_LUA_CHILD_H

#include "core/lua/compat.h"
#include "core/wire/buffer.h"

/* In the child, before any Lua code runs: memory and random numbers of its own, shared
 * objects whose descriptors are not among those `kept` (as int; NULL: none was inherited) told so,
 * the parent's children forgotten, and os.exit made to end this process alone, by child_end. */
void child_begin(lua_State *L, int life, const Buffer *kept);

/* In the child, before it leaves: waits for its own children, and writes what is
 * buffered in any stream. */
void child_end(lua_State *L);

#endif
