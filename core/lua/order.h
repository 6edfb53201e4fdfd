/* Order - the fields of a table that say in which order results are wanted:
 * sort = "key" | "value", desc = true, top = n. With top alone, the greatest values come first. */
#ifndef PARALLEL_LUA_LUA_ORDER_H
#define PARALLEL_LUA_LUA_ORDER_H

#include "core/lua/compat.h"
#include "core/shuffle/output.h"

/* Raises for fields that make no sense. */
Order order_check(lua_State *L, int index);

#endif
