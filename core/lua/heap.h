/* Heap - memory of its own for what a Lua state makes.
 *
 * A forked state goes on with the allocator of its parent, whose free lists run
 * through the pages that both share: each new object would copy some of them.
 * So a worker cuts its small blocks from a stretch of addresses that it reserves
 * after the fork, and which also tells its blocks from those it inherited.
 * Large blocks, and all inherited ones, stay with the allocator before.
 *
 * Its small blocks are found and given back in fewer instructions than malloc's, and lie
 * closer: so the program has such memory too, for the state that it makes. */
#ifndef PARALLEL_LUA_LUA_HEAP_H
#define PARALLEL_LUA_LUA_HEAP_H

#include "core/lua/compat.h"

/* In the parent, before it forks: makes every object old, so that collections in
 * the workers do not write to (and thereby copy) the pages that they only inherited,
 * and brings the allocator's free blocks in order, which else either process would do
 * in copies. The state stays in generational mode, as the lua program has it: going
 * back would write to every object here, and copy the pages all the same. */
void heap_age(lua_State *L);

/* The first half of that alone, where one process is forked that may not live long. */
void heap_grow_old(lua_State *L);

/* Gives the state such memory from now on. For processes that keep what they once had until they
 * end; where that cannot be, as below, all stays as it was. */
void heap_begin(lua_State *L);

/* In the worker. Does the same, and has garbage collected in steps that suit it.
 * Where the system has no addresses to spare, or the state's allocator cannot be
 * changed (LuaJIT), all stays as it was. */
void heap_renew(lua_State *L);

#endif
