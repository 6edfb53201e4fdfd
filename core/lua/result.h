/* Result - the outputs of all reduce tasks as one stream, in the order of the job.
 *
 *     result = core.result({descriptor, ...}, {top = n, depot = depot, memory = bytes})
 *                        with both of the latter, what cannot be merged in so much memory is
 *                        merged in the depot first
 *     result:next()      key and value; nothing at the end
 *     result:copy()      the same from the first on, to be read beside this one
 *     result:count()     how many there are
 *     result:bytes()     that they take up where they are
 *     result:write(fd, most)   the texts of the next records, as reduce rendered them (nil: of
 *                        all that are left): true, or nil, message, errno
 *     result:close()
 *
 *     core.region(fd, offset, length, count)   the descriptor of records that
 *                        stand in a file in their order already
 *
 * The descriptors' files must stay open as long as the result is. */
#ifndef PARALLEL_LUA_LUA_RESULT_H
#define PARALLEL_LUA_LUA_RESULT_H

#include "core/lua/compat.h"

void result_register(lua_State *L);

#endif
