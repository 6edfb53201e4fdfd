/* Json - Lua tables as JSON, in the parts of core/shuffle/render.h. */
#ifndef PARALLEL_LUA_LUA_JSON_H
#define PARALLEL_LUA_LUA_JSON_H

#include "core/lua/compat.h"
#include "core/wire/buffer.h"

/* A RenderOpaque whose context is the lua_State: appends an opaque value as
 * JSON. A table whose keys are 1 to n is an array, any other an object with
 * its keys, as strings, sorted. Raises what the codec raises, and for tables
 * that hold themselves; `to` must belong to a userdata. */
int json_opaque(void *L, const char *value, size_t size, Buffer *to);

#endif
