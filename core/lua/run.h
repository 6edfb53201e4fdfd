/* Run - runs that a worker wrote, by their descriptors (core/shuffle/run.h).
 *
 *     core.moved_run(run, fd)    the descriptor of the same run in the file of this number
 *     core.verify_run(run)       reads it all: true when it is whole; or nil, message, errno
 *     core.key_of_runs(runs, partition, n)
 *                                how the n-th key of all of them is named in messages; nil when
 *                                there are not so many. It is looked for from the first. */
#ifndef PARALLEL_LUA_LUA_RUN_H
#define PARALLEL_LUA_LUA_RUN_H

#include "core/lua/compat.h"

void run_register(lua_State *L);

#endif
