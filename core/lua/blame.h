/* Blame - the caller's mistakes, told at the caller's line: that of the first function up the
 * stack that is not of this library, whose own Lua files may stand between. */
#ifndef PARALLEL_LUA_LUA_BLAME_H
#define PARALLEL_LUA_LUA_BLAME_H

#include <stdbool.h>

#include "core/lua/compat.h"

/* Is this function, of which "S" is known, of a Lua file of this library? */
bool blame_is_ours(const lua_Debug *at);

/* As luaL_error. */
int blame(lua_State *L, const char *format, ...) __attribute__((noreturn));

#endif
