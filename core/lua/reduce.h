/* Reduce - one reduce task: a partition of all runs, merged, combined, and left as an output.
 *
 *     descriptor, count, records = core.reduce{       how many it has, and were merged into it
 *       runs = {descriptor, ...},       of emitter:commit
 *       partition = i,                  from 0
 *       combine = name or function,     nil: "values"; with a function the runs hold "values"
 *       reduce = function or nil,       reduce(key, value or iterator, emit)
 *       sort =, desc =, top =,          see order.h
 *       spread = true,                  or: every value is a result, for "values"
 *       format = nil, "tsv" ...,        records are text then
 *       depot = depot,                  see depot.h: the output goes there
 *       memory = bytes,                 for the buffers of the merge and the output;
 *                                       nil: as many as they can use
 *       worker = self}                  see self.h: the keys, from 1, for which functions are
 *                                       called are its items
 *
 * What reduce and combine raise is raised again as it is. */
#ifndef PARALLEL_LUA_LUA_REDUCE_H
#define PARALLEL_LUA_LUA_REDUCE_H

#include "core/lua/compat.h"

void reduce_register(lua_State *L);

#endif
