/* Poller, as Lua sees it: waits for many descriptors at once, whatever their number.
 *
 *     poller = core.poller()             nil, message, errno
 *     poller:watch(fd, reads, writes)    from now on; neither: no longer
 *     poller:wait(timeout, list)         how many are ready, and list[1 ...]: which they are;
 *                                        without a timeout waits for ever
 *     poller:fileno()                    readable when some are ready
 *     poller:close()
 *
 * An end that was closed, or an error, always counts as ready. */
#ifndef PARALLEL_LUA_LUA_POLLER_H
#define PARALLEL_LUA_LUA_POLLER_H

#include "core/lua/compat.h"

void poller_register(lua_State *L);

#endif
