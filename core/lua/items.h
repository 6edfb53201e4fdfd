/* Items - the worker's loop over the items of a chunk.
 *
 *     ran, exceeded = core.run_items(self, f, shape, items, first, most, before, parcel)
 *
 * calls f for each of the items.n items, at most `most` of them, and commits what became of it to
 * the worker's ledger, in the form of core/lua/outcome.h, before the next one begins: whatever ends
 * the worker costs the running item only. An error in f is the outcome of its item; results that
 * cannot be sent too.
 *
 * before, when given, is called before each with its number, that of the first
 * item being `first`. An item that the pool has condemned fails with kind
 * "stopped". `exceeded` says that the worker's memory did not suffice; then no
 * item after that one is run. `ran` is how many were.
 *
 * shape says what an item is: "one", f's only argument; "tuple", a list of
 * them; "calls": the items are the Bytes of calls (core/lua/calls.h), and then all
 * results of f count instead of the first; the shared objects among their arguments
 * are those of the parcel. */
#ifndef PARALLEL_LUA_LUA_ITEMS_H
#define PARALLEL_LUA_LUA_ITEMS_H

#include "core/lua/compat.h"

void items_register(lua_State *L);

#endif
