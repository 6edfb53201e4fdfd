/* Connection, as Lua sees it: one end of a pipe, over which whole messages go.
 *
 *     a, b = core.pipe(duplex)      both send and receive; duplex = false: a receives, b sends
 *
 *     a:send(value)                 true; nil, "closed" when the other end is
 *     a:send(value, timeout)        nil, "timeout": some of it will be written by later calls
 *     a:flush(timeout)              writes what is left: true; nil, "timeout"; nil, "closed"
 *     a:recv(timeout)               the value; nil, "closed", or nil, "timeout"
 *     a:send_values(timeout, ...)   any number of values, nils too, as one message
 *     a:recv_values(timeout)        true and the values
 *     a:send_bytes(s, first, last)  s:sub(first, last) as a message
 *     a:recv_bytes(max, timeout)    such a message; nil, "too long", and a is closed
 *     a:poll(timeout)               would a recv return at once? Without timeout looks once
 *     a:ready()                     the same without looking at the socket
 *     a:fileno()  a:close()  a.closed
 *
 * What waits for the other end lets pools go on meanwhile (core/lua/vigil.h). Their callbacks may
 * use this end too: each recv gets a message. After one that closes it the wait is an error.
 *
 * Both ends may send messages of any size at once: what waits to be written
 * reads meanwhile. Of a message that has come in part when time runs out, that part
 * is kept for the next recv. An end reads no further than it is asked to, so
 * another process may go on with it after the message; but one that several
 * processes use at the same time gives each of them parts of messages.
 *
 * Listeners and clients (core/lua/listener.h, client.h) give connections to other programs. Those
 * also return why, beside nil, "closed": "cut off" when the other end did not say that it closes,
 * "damaged" when somebody changed what it sent, "authentication failed" when keys are not alike.
 * What may be sent depends on the key; they themselves can be inherited, but not sent.
 *
 * An end is a shared object (core/lua/shared.h) that a forked child keeps only when it
 * is asked for. Values may hold functions and shared objects, ends of pipes too. */
#ifndef PARALLEL_LUA_LUA_CONNECTION_H
#define PARALLEL_LUA_LUA_CONNECTION_H

#include "core/lua/compat.h"
#include "core/net/stream.h"

/* What may go over one: all, functions but nothing that needs a descriptor, or plain data, since
 * the other end may be anybody's. */
typedef enum { TRUST_ALL, TRUST_FUNCTIONS, TRUST_NOBODY } ConnectionTrust;

/* Pushes a connection to another program, closed as yet. */
void connection_push(lua_State *L);

/* Opens the one at this index, which owns the socket and the stream from now on. Raises memory
 * errors. */
void connection_open(lua_State *L, int index, int fd, Stream *stream, ConnectionTrust trust);

/* The one at this index lets no pools go on while it waits: nobody may use it in between. */
void connection_wait_alone(lua_State *L, int index);

void connection_register(lua_State *L);

#endif
