/* Format - the name of a kind of text that pairs can be written as. */
#ifndef PARALLEL_LUA_LUA_FORMAT_H
#define PARALLEL_LUA_LUA_FORMAT_H

#include "core/lua/compat.h"
#include "core/shuffle/render.h"

/* The format that the string at the index names; raises when there is none such. */
Render *format_check(lua_State *L, int index);

#endif
