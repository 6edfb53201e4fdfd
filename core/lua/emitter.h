/* Emitter - the `emit` that a map function is given.
 *
 *     emitter = core.emitter{combine = "sum", partitions = 8}
 *     emitter(key, value)            value is 1 when it is left out; with the
 *                                    option keeps_alone such a key is told from
 *                                    one whose value is 1 (VALUE_NONE)
 *     emitter:all(iterator, value)   for all keys that the iterator returns
 *     emitter:split(n)               what comes now stands behind splits below n
 *     emitter:bytes()                the memory in use
 *     emitter:commit()               writes it as a run: a list of the descriptors of
 *                                    all runs since the last commit
 *     emitter:free()                 gives the memory back; nothing is emitted any more
 *
 * With the options depot (see depot.h) and memory, in bytes, a table that grows larger is
 * written as a run at once, wherever map is by then. If that fails emit raises, and so
 * does the next commit.
 *
 * `combine` may be a function too: it is called by emit, for every value of a
 * key but the first. It must not emit itself. What it raises, emit raises; then
 * the key has the value it had before.
 *
 * An emitter is a userdata with a metatable of its own, whose functions have
 * it as their upvalue: calling it needs no check of what it is called on. */
#ifndef PARALLEL_LUA_LUA_EMITTER_H
#define PARALLEL_LUA_LUA_EMITTER_H

#include "core/lua/compat.h"
#include "core/shuffle/combiner.h"

/* As combiner_find; raises an error that lists the names. */
const Combiner *combiner_check(lua_State *L, const char *name, Store *store);

void emitter_register(lua_State *L); // core.emitter

#endif
