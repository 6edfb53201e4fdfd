/* Scalar - numbers of fixed types (core/typed/ctype.h) as Lua values, and back.
 *
 * Integers are integers of Lua, as long as it has such: beyond 2^63 (u64 in Lua 5.4), and
 * beyond 2^53 in LuaJIT, a number is the float nearest to it, as a numeral of that size would
 * be. What is written has to fit: whole numbers in range, floats or not. */
#ifndef PARALLEL_LUA_LUA_SCALAR_H
#define PARALLEL_LUA_LUA_SCALAR_H

#include <stdbool.h>

#include "core/lua/compat.h"
#include "core/typed/elements.h"

/* The type that the argument names; raises when there is none such. */
const Ctype *scalar_check_type(lua_State *L, int arg);

/* The value at this index as the type holds it; false when it does not fit. */
bool scalar_take(lua_State *L, int index, const Ctype *type, Scalar *scalar);

/* Pushes why it does not fit: "300 does not fit u8 (0 to 255)". */
const char *scalar_refusal(lua_State *L, int index, const Ctype *type);

/* The argument as the type holds it; raises when it does not fit. */
Scalar scalar_check(lua_State *L, int arg, const Ctype *type);

void scalar_push(lua_State *L, const Ctype *type, Scalar scalar);

/* Pushes the sum of such elements: an integer where Lua has one so large, or else the nearest
 * float. */
void scalar_push_sum(lua_State *L, Elements elements);

#endif
