/* Collected - buffers that the collector frees, whatever is raised while they are filled. */
#ifndef PARALLEL_LUA_LUA_COLLECTED_H
#define PARALLEL_LUA_LUA_COLLECTED_H

#include "core/lua/compat.h"
#include "core/wire/buffer.h"

/* Pushes an empty one. Whoever is done with it frees it: the collector may take long to come. */
Buffer *collected_buffer(lua_State *L);

#endif
