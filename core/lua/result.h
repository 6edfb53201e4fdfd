/* Result - the outputs of all reduce tasks as one stream, in the order of the job.
 *
 *     result = core.result({descriptor, ...}, {top = n})
 *     result:next()      key and value; nothing at the end
 *     result:rewind()    back to the first
 *     result:count()     how many there are
 *     result:write(fd)   the texts of records that reduce rendered: true, or nil, message, errno
 *     result:close()
 *
 * The descriptors' files must stay open as long as the result is. */
#ifndef PARALLEL_LUA_LUA_RESULT_H
#define PARALLEL_LUA_LUA_RESULT_H

#include "core/lua/compat.h"

void result_register(lua_State *L);

#endif
