/* Codec - Lua values as bytes, to cross from one process to another.
 *
 * Kept: nil, booleans, integers and floats apart (-0.0 and NaN too), strings
 * with any byte, tables nested to any depth that memory allows, tables as
 * keys, cycles, and tables that are reached twice. Refused, with the path of
 * the culprit, as in `hooks[1]: a coroutine cannot leave its process`:
 * functions, coroutines, userdata.
 * Metamethods never run. Both ends are the same machine, so numbers are in
 * host byte order. */
#ifndef PARALLEL_LUA_LUA_CODEC_H
#define PARALLEL_LUA_LUA_CODEC_H

#include "core/lua/compat.h"
#include "core/wire/buffer.h"

/* Appends the `count` values from index `first` on. On failure raises a string
 * "PATH: REASON" (just "REASON" for a value itself) or a memory error; what
 * was appended so far is taken back. `to` must belong to a userdata, since an
 * error jumps over the caller's frames. */
void codec_encode(lua_State *L, int first, int count, Buffer *to);

/* Pushes the values encoded in the bytes and returns how many. Trusts nothing:
 * damaged bytes raise "damaged message: REASON". */
int codec_decode(lua_State *L, const char *bytes, size_t size);

void codec_register(lua_State *L); // core.encode(...) -> string, core.decode(string) -> ...

#endif
