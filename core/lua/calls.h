/* Calls - the arguments of calls that wait for a worker, one call behind the other.
 *
 *     calls = core.calls()
 *     calls:add(...)         a call with these arguments; false, and none, when they take the codec
 *     parcel, alone = calls:encode(...)   the same with any arguments, and the shared objects among
 *                            them as of core.encode_trusted. One that is large gets `alone`,
 *                            calls of its own, and has only a place in these, without arguments
 *     calls:take(count)      the first so many, as calls of their own
 *     calls:cut(from, to)    copies of those at these places, likewise
 *     calls:bytes()          all of them as Bytes (core/lua/bytes.h), as core.run_items takes them
 *     calls:release()        frees those bytes here
 *     calls:began(place)     when the call was added, as core.clock
 *
 * A call is its size, as a varint, and the message of its arguments. */
#ifndef PARALLEL_LUA_LUA_CALLS_H
#define PARALLEL_LUA_LUA_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/lua/compat.h"

typedef struct Calls Calls;

Calls *calls_check(lua_State *L, int index);

/* May the values at these stack indices be added as they are? Not when they take the codec. */
bool calls_are_plain(lua_State *L, int first, int last);

/* Adds a call with such values; raises, and adds none, when there is no memory. */
void calls_add_plain(lua_State *L, Calls *calls, int first, int last);

/* The next call of those from *at to `end`: its message begins at *at, which the
 * caller moves past *size bytes. False when there is none, or no whole one. */
bool calls_next(const char **at, const char *end, uint64_t *size);

/* How many calls the bytes are; -1 when they are none. */
lua_Integer calls_count(const char *bytes, size_t size);

/* The moments, as clock_now, at which the calls at this stack index were added;
 * there are *count. */
const uint64_t *calls_began(lua_State *L, int index, size_t *count);

void calls_register(lua_State *L);

#endif
