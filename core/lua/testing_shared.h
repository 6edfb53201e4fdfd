/* Boxes: the simplest shared objects there can be, for specs of segments and of how
 * shared objects travel. Part of core.testing, in test builds only.
 *
 *     box = testing.box(size)       or nil, message
 *     testing.open_box(fd)          the same of a descriptor, which the box copies
 *     box:read(at, size), box:write(at, bytes)      at: from 0
 *     box:size(), :grow(size), :refresh()           or nil, message
 *     box:fd(), :shorten(size) (what nobody may do), :close() */
#ifndef PARALLEL_LUA_LUA_TESTING_SHARED_H
#define PARALLEL_LUA_LUA_TESTING_SHARED_H

#include "core/lua/compat.h"

void testing_shared_register(lua_State *L);

#endif
