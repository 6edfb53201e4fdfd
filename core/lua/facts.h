/* Facts - what this build and this machine offer, for `parallel-lua doctor`.
 *
 *     core.facts()        {pidfd =, memfd =, close_range =, zstd =, sodium = booleans;
 *                          descriptors =, processes = limits (nil: none); online = processors}
 *     core.space(path)    bytes free for us in that file system, or nil, message, errno */
#ifndef PARALLEL_LUA_LUA_FACTS_H
#define PARALLEL_LUA_LUA_FACTS_H

#include "core/lua/compat.h"

void facts_register(lua_State *L);

#endif
