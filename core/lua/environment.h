/* Environment - the table in which a Lua function looks for its globals.
 *
 * On Lua 5.4 that is an upvalue named _ENV; on LuaJIT it stands apart, and is
 * sent behind the upvalues when it is not just the globals. */
#ifndef PARALLEL_LUA_LUA_ENVIRONMENT_H
#define PARALLEL_LUA_LUA_ENVIRONMENT_H

#include <stdbool.h>
#include <string.h>

#include "core/lua/compat.h"

enum { ENVIRONMENT_APART = LUA_VERSION_NUM < 502 };

typedef enum {
    ENVIRONMENT_GLOBALS, // the receiver's stand in for it
    ENVIRONMENT_OWN,     // a value like any other
    ENVIRONMENT_OVER,    // a table whose metatable is { __index = the globals }, kept so
} EnvironmentKind;

/* How the environment at this index travels. A table with another metatable
 * passes for the globals: frameworks and strict modes put theirs before them. */
EnvironmentKind environment_kind(lua_State *L, int index);

/* Puts the table on top of the stack over the globals. */
void environment_put_over(lua_State *L);

static inline bool environment_is_upvalue(const char *name) {
    return !ENVIRONMENT_APART && strcmp(name, "_ENV") == 0;
}

/* Pushes the function's environment when it stands apart and is not the
 * globals; otherwise pushes nothing and returns false. */
bool environment_push_apart(lua_State *L, int function);

/* Pops a table, which the function below it gets as its environment. */
void environment_set_apart(lua_State *L);

#endif
