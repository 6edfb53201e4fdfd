/* Remote - what listeners and clients have in common: addresses and keys as arguments, and the
 * words for what went wrong. */
#ifndef PARALLEL_LUA_LUA_REMOTE_H
#define PARALLEL_LUA_LUA_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/lua/compat.h"
#include "core/lua/connection.h"
#include "core/net/address.h"

/* Makes an address of the string at this index. NULL, or why that is none,
 * which then stands on the stack. */
const char *remote_address(lua_State *L, int index, Address *address);

/* Makes a secret of the key at this index; false means that there is none, as *has_secret tells.
 * NULL, or why there can be none in this build. Raises for an empty one. */
const char *remote_secret(lua_State *L, int index, Secret *secret, bool *has_secret);

/* In nanoseconds as clock_now, of a number of seconds; UINT64_MAX, for ever, for none. */
uint64_t remote_deadline(lua_State *L, int index);

/* What may go over connections to such an address. */
ConnectionTrust remote_trust(const Address *address, bool has_secret);

/* The words for an errno of core/net, such as "connection refused"; they stand on the stack. */
const char *remote_reason(lua_State *L, int error);

/* Pushes nil and "WHAT ADDRESS: REASON"; 2. */
int remote_failure(lua_State *L, const char *what, const char *address, const char *reason);

#endif
