/* Intake, as Lua sees it: a stream cut into pieces (core/shuffle/intake.h).
 *
 *     intake = core.intake(fd, records, block)
 *     intake:read()            false at the end of the stream; waits for input
 *     intake:line()            the next line, without its newline; nil when more must be read
 *     intake:cut(fd, least)    offset and length of a piece, which now stands in that file; or nil
 *     intake:ended()
 *
 * read raises "cannot read standard input: REASON". */
#ifndef PARALLEL_LUA_LUA_INTAKE_H
#define PARALLEL_LUA_LUA_INTAKE_H

#include "core/lua/compat.h"

void intake_register(lua_State *L);

#endif
