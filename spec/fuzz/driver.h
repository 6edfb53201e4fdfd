/* Driver - runs one fuzz target, a file of spec/fuzz/targets, on some bytes.
 *
 * A target is a Lua file that returns a function. It is called with the bytes;
 * whatever it raises ends the process with SIGABRT, since the target has caught
 * what it expects. To targets, the global `fuzz` offers
 *
 *     fuzz.core            the module under test
 *     fuzz.frames(bytes)   see frames.c
 *     fuzz.handshake(bytes)  see handshake.c
 *     fuzz.codes(list)     from now on binary chunks to load are replaced: their
 *                          first byte chooses one of this list. Lua does not
 *                          check bytecode, so forged code would find Lua's bugs. */
#ifndef PARALLEL_LUA_FUZZ_DRIVER_H
#define PARALLEL_LUA_FUZZ_DRIVER_H

#include <stddef.h>

#include "core/lua/compat.h"

/* Loads the target of this name; ends the process when there is none. The
 * working folder must be the root of the repository. */
lua_State *driver_open(const char *target);

void driver_run(lua_State *L, const char *bytes, size_t size);

/* fuzz.frames */
int frames_fuzz(lua_State *L);

/* fuzz.handshake */
int handshake_fuzz(lua_State *L);

#endif
