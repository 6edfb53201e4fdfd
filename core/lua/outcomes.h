/* Outcomes - reads what core.run_items wrote (core/lua/outcome.h):
 *
 *     last, failures, elapsed, printed, began =
 *         core.outcomes(bytes, results, offset, settled, count, parcel, packed)
 *
 * puts the result of the item at place i into results[offset + i], as a list
 * with field n when `packed`; those of the first `settled` of the `count` items
 * are known already and passed over. `last` is the place up to which items have
 * an outcome. failures[i] is a table with the fields of a Failure; nil when
 * there is none. elapsed is what the chunk took, nil when it goes on.
 * printed is a list of {place =, report =, stdout, stderr}, what items printed, or nil.
 * began[i] is when the item at place i began, as core.clock; nil when nobody noted it.
 *
 *     last, failures, elapsed, ended, others, printed, began =
 *         core.settle(bytes, results, offset, settled, count, parcel, worker, calls)
 *
 * does so for calls (core/lua/calls.h) whose AsyncResults (lua/parallel/pool/async_result.lua) are
 * in results: those get their values, are taken out of the list, and are counted in `ended`. What
 * belongs to an attended one stands packed in others[i] instead, nil when there is none; what
 * belongs to none is dropped.
 *
 * `bytes` are Bytes (core/lua/bytes.h), and released. Such as are none raise "damaged outcomes:
 * REASON". */
#ifndef PARALLEL_LUA_LUA_OUTCOMES_H
#define PARALLEL_LUA_LUA_OUTCOMES_H

#include "core/lua/compat.h"

void outcomes_register(lua_State *L);

#endif
