/* Calls - the arguments of calls that wait for a worker, one call behind the other.
 *
 *     calls = core.calls()
 *     calls:add(...)         a call with these arguments; false, and none, when they take the codec
 *     call, parcel, is_large = core.call(...)   calls of one, with any arguments; and the shared
 *                            objects among them, as of core.encode_trusted
 *     calls:take(count, to)  the first so many go to other calls, which are none yet
 *     calls:drop(count)      the first so many go nowhere
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

/* Makes room for so many calls of so many bytes; raises when there is no memory. What adds a call
 * to reserved room fails for nothing. */
void calls_reserve(lua_State *L, Calls *calls, size_t bytes, size_t count);

enum { CALLS_PLAIN = 128 }; // bytes of room for a call with values that are added as they are

/* Adds a call with such values, in room for CALLS_PLAIN bytes. */
void calls_add_plain(lua_State *L, Calls *calls, int first, int last);

/* Adds a call, in room for calls_room bytes. One that is large has only a place in these, without
 * arguments: whoever made it keeps it. */
void calls_append(Calls *calls, const Calls *call);
size_t calls_room(const Calls *call);

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
