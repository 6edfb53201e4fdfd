/* What specs of core/wire need: varints, headers, buffers and channels as Lua
 * sees them. Part of core.testing, in test builds only.
 *
 *     testing.varint(n)              its bytes
 *     testing.unvarint(bytes)        n and how many bytes it took; nothing when there is none
 *     testing.zigzag(n), unzigzag(n)
 *     testing.header(kind, attempt, size, task)      24 bytes, sealed
 *
 *     buffer = testing.buffer()      :append(s) true or nil, message; :consume(n)
 *                                    :bytes() :capacity() :close()
 *     a, b = testing.channel_pair()  each other's counterpart
 *     channel:queue(kind, attempt, task, payload, {fd, ...})
 *     channel:flush(), :fill()       1, 0, or nil and the errno's text
 *     channel:peek()                 kind, attempt, task, payload and a list of the descriptors,
 * when there are any, "lost" in its place; nothing; or nil, "EPROTO's text" channel:pass(take) done
 * with what peek gave; takes the descriptors, or closes them channel:write(bytes)           past
 * the queue, as a stranger would channel:unblock(), :hang_up() (sends no more), :room() (memory
 * taken), :close() channel:incoming()             the bytes that came and were not passed */
#ifndef PARALLEL_LUA_LUA_TESTING_WIRE_H
#define PARALLEL_LUA_LUA_TESTING_WIRE_H

#include "core/lua/compat.h"

void testing_wire_register(lua_State *L);

#endif
