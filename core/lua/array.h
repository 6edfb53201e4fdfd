/* Array - numbers of one type in memory that processes share, as Lua sees them.
 *
 *     core.array(ctype, n | list)       an array; zeroed, or with the numbers of the list
 *     a[i], a[i] = v                    from 1; raises outside of it, and for what does not fit
 *     a:count(), #a (Lua 5.4)
 *     a:get(i, n)                       a list; all from i on, or all, when left out
 *     a:set(i, list)                    all of it or, when something does not fit, nothing
 *     a:fill(v)
 *     a:sum(), :min(), :max()           see core/typed/elements.h; nil for the least of none
 *     a:copy()                          an array of its own
 *     a:slice(first, last)              a part of the same memory, which keeps that alive
 *     a:to_table(), :to_string()        the bytes, as they lie in memory
 *     a:close()
 *
 * For lua/parallel/shared/array.lua: a:origin() is the array itself with the first and last that a
 * slice was cut by; a:address() is where the elements are (a light userdata), their type and count,
 * and from then on close leaves the memory to the collector. */
#ifndef PARALLEL_LUA_LUA_ARRAY_H
#define PARALLEL_LUA_LUA_ARRAY_H

#include "core/lua/compat.h"

void array_register(lua_State *L);

#endif
