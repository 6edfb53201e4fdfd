/* Module - `require "parallel"`: the C core and the Lua files as one unit.
 *
 * The Lua files of lua/parallel are compiled into the binary (scripts/embed.lua
 * writes them as the table below) and found through package.preload, so that
 * one file is all there is to copy. */
#ifndef PARALLEL_LUA_LUA_MODULE_H
#define PARALLEL_LUA_LUA_MODULE_H

#include <stdbool.h>

#include "core/lua/compat.h"

typedef struct {
    const char *name;  // as it is required: "parallel.failure"
    const char *chunk; // name for messages: "@parallel/failure.lua"
    const char *bytes;
    size_t size;
} EmbeddedModule;

extern const EmbeddedModule EMBEDDED_MODULES[]; // ends with an entry whose name is NULL

/* Makes `parallel` and all below it available to require in this state. */
void module_preload(lua_State *L);

/* Loads one of the files above, unless it is loaded; false when there is none of this name. Raises
 * what the file raises. */
bool module_load(lua_State *L, const char *name);

/* The entry of parallel.so: preloads all, then returns the module itself. */
int luaopen_parallel(lua_State *L);

#endif
