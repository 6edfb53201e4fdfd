/* Printer - the `emit` that the map of a job is given when nothing is combined or reduced.
 *
 *     printer = core.printer{format = "tsv", tag = true}
 *     printer:begin(fd)             what comes now stands at the end of this file
 *     printer:tag(path)             and begins with this path, and a tab or a comma
 *     printer(key, value)           the pair as text; a key alone when there is no value
 *     printer:all(iterator, value)  for all keys that the iterator returns
 *     printer:finish()              offset, length and count of what was printed
 *
 * Without a format the pairs are records (core/shuffle/record.h), as reduce
 * leaves them. What was printed before an error is dropped by the next `begin`. */
#ifndef PARALLEL_LUA_LUA_PRINTER_H
#define PARALLEL_LUA_LUA_PRINTER_H

#include "core/lua/compat.h"

void printer_register(lua_State *L); // core.printer

#endif
