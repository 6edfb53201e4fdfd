/* Parcel - the shared objects that go beside a message, as a Lua list.
 *
 * The sender's holds the objects (see core/lua/shared.h); the receiver's, until
 * they are asked for, the descriptors that arrived, which the collector closes. */
#ifndef PARALLEL_LUA_LUA_PARCEL_H
#define PARALLEL_LUA_LUA_PARCEL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/lua/compat.h"

/* Makes a list of descriptors that came and pushes it, or nil for none: it takes them over, and
 * leaves -1 in their place. NULL: they were lost, which is raised when they are asked for. */
void parcel_push(lua_State *L, int *fds, size_t count);

/* The descriptors of a list's objects, of which `fds` has room for BUNDLE_MOST;
 * how many they are. nil or none is the empty list. Raises for what is none, closed,
 * or too many. They are the objects' own. */
size_t parcel_descriptors(lua_State *L, int index, int *fds);

/* Pushes object i, from 1, of the list, which must be of this type. False and
 * nothing pushed when there is none. */
bool parcel_object(lua_State *L, int index, lua_Integer i, const char *type);

void parcel_register(lua_State *L);

#endif
