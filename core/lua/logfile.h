/* Logfile - a file that lines are added to.
 *
 *     file = core.logfile(path, append)   made anew unless `append`; for its owner alone (0600);
 *                                         a symbolic link is refused
 *     file:fd()                           its descriptor, good until it is closed: what is written
 *                                         goes behind all that is there
 *     file:close()                        also when it is collected
 *
 * What the system refuses comes back as nil, message, errno. */
#ifndef PARALLEL_LUA_LUA_LOGFILE_H
#define PARALLEL_LUA_LUA_LOGFILE_H

#include "core/lua/compat.h"

void logfile_register(lua_State *L);

#endif
