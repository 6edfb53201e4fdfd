/* Growth - making much at once that stays, such as the values of a large message.
 *
 * No garbage is collected meanwhile, since there is none: each collection would look at all that
 * was made so far. And large blocks are asked for in large pages. Afterwards a collection is
 * soon due, so that it does not pay for little. */
#ifndef PARALLEL_LUA_LUA_GROWTH_H
#define PARALLEL_LUA_LUA_GROWTH_H

#include "core/lua/compat.h"

enum { GROWTH_LEAST = 1 << 20 }; // bytes of a message for which it pays

/* As lua_call for any number of results, which it returns. */
int growth_call(lua_State *L, int arguments);

/* Calls the function so, with all that is on this stack. */
int growth_of(lua_State *L, lua_CFunction function);

#endif
