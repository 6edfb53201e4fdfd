/* Aside, as Lua sees it: a file that is written beside its place (core/os/aside.h).
 *
 *     aside = core.aside(path)
 *     aside:fd()        what to write to
 *     aside:keep()      it is whole: true
 *     aside:close()     also when it is collected: what was not kept is gone
 *
 *     core.make_folder(path)   true also when it is there already
 *
 * What the system refuses comes back as nil, "cannot write 'PATH': REASON", errno. */
#ifndef PARALLEL_LUA_LUA_ASIDE_H
#define PARALLEL_LUA_LUA_ASIDE_H

#include "core/lua/compat.h"

void aside_register(lua_State *L);

#endif
