/* Tables - Lua tables as text, in the notations of core/shuffle/notation.h. */
#ifndef PARALLEL_LUA_LUA_TABLES_H
#define PARALLEL_LUA_LUA_TABLES_H

#include "core/lua/compat.h"
#include "core/shuffle/render.h"

/* A RenderOpaque whose context is the lua_State: appends an opaque value. A
 * table whose keys are 1 to n is a list, any other a map with its keys sorted
 * by what they are called. Raises what the codec raises, and for tables that
 * hold themselves; `to` must belong to a userdata. */
int tables_opaque(void *L, const Notation *notation, const char *value, size_t size, Buffer *to);

#endif
