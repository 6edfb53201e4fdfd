/* Depot - where a worker writes runs and outputs (core/shuffle/depot.h).
 *
 *     core.depot{
 *       memory = fd, most = bytes,   a file in memory, and how large it may become
 *       disk = fd, place = path,     a file on disk, and the folder that it is in
 *       refusal = errno,             or: why there is none, told when it is needed
 *       block = bytes}               what goes to disk at once
 *
 * Each may be left out, but not both files. They must stay open as long as the depot is used. */
#ifndef PARALLEL_LUA_LUA_DEPOT_H
#define PARALLEL_LUA_LUA_DEPOT_H

#include "core/lua/compat.h"
#include "core/shuffle/depot.h"

/* The depot at the index; raises for anything else. */
Depot *depot_check(lua_State *L, int index);

/* The depot that is the field `depot` of the table at the index, which keeps it alive. */
Depot *depot_field(lua_State *L, int index);

/* Raises the error that errno tells of, with the folder's name when it was the disk's. */
int depot_error(lua_State *L, const Depot *depot, const char *what);

void depot_register(lua_State *L); // core.depot

#endif
