/* Core - the module `parallel.core`: what C offers to the Lua files of
 * lua/parallel. Users require "parallel"; nothing here is for them.
 *
 * Each file of this folder owns one object or group of functions and has one
 * function that adds them to the table on top of the stack. */
#ifndef PARALLEL_LUA_LUA_CORE_H
#define PARALLEL_LUA_LUA_CORE_H

#include "core/lua/compat.h"

int luaopen_parallel_core(lua_State *L);

/* Makes the metatable of this name, whose userdata have these methods. */
void core_class(lua_State *L, const char *name, const luaL_Reg *methods);

/* Gives the userdata below the topmost `count` values, which are popped, a metatable
 * of its own, whose functions have the userdata and these values as upvalues:
 * calling them needs no check of what they are called on. */
void core_own_class(lua_State *L, const char *name, const luaL_Reg *methods, int count);

/* For a function whose system call failed: nil, "cannot WHAT 'PATH': " and why, and errno. */
int core_cannot(lua_State *L, const char *what, const char *path);

#ifdef PARALLEL_LUA_TESTING
void testing_register(lua_State *L);         // fault points and internals, for the specs only
void testing_process_register(lua_State *L); // adds to the table of testing_register
#endif

#endif
