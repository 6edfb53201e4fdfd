/* Codec - Lua values as bytes, to cross from one process to another.
 *
 * Kept: nil, booleans, integers and floats apart (-0.0 and NaN too), strings
 * with any byte, the light userdata NULL, tables nested to any depth that
 * memory allows, tables as keys, cycles, and tables that are reached twice.
 * Values whose metatable is registered (core/lua/types.h) keep it, or cross as
 * their type's dump and load say; other metatables are left behind, and no
 * metamethod runs.
 *
 * Between ends that trust each other also functions: those of libraries by name
 * (core/lua/library.h), others as code with what their upvalues hold at that
 * moment. Functions that share an upvalue still do so over there; globals are
 * the receiver's, unless the function has another environment (see
 * core/lua/environment.h). And userdata whose metatable has __serialize, a function that
 * returns another and its arguments, which are called over there to make it.
 *
 * Refused, with the path of the culprit, as in `hooks[1]: a coroutine cannot
 * leave its process`: coroutines, C functions of no library, other userdata.
 *
 * Both ends are the same machine, so numbers are in host byte order. One format
 * serves Lua 5.4 and LuaJIT, except for code, which only equal builds exchange.
 * LuaJIT sends integral numbers as integers, and makes the nearest double of
 * integers beyond 2^53. */
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

/* The same with shared objects (core/lua/shared.h), which go beside the bytes: the
 * first pushes a list of them, or nil when there is none; the second gets that
 * list, or one of the descriptors that came (core/lua/parcel.h), at index `parcel`. */
void codec_encode_shared(lua_State *L, int first, int count, Buffer *to);
int codec_decode_shared(lua_State *L, const char *bytes, size_t size, int parcel);

/* The same with shared objects and functions. Damaged or forged code can do anything
 * to the process that decodes it: only for bytes whose sender is trusted. */
void codec_encode_trusted(lua_State *L, int first, int count, Buffer *to);
int codec_decode_trusted(lua_State *L, const char *bytes, size_t size, int parcel);

/* The same with functions alone, for where nothing carries descriptors. */
void codec_encode_functions(lua_State *L, int first, int count, Buffer *to);
int codec_decode_functions(lua_State *L, const char *bytes, size_t size);

/* core.encode(...) -> string, core.decode(string) -> ..., and the same with
 * functions and shared objects as core.encode_trusted(...) -> string, parcel (none
 * when there are no shared objects), core.decode_trusted(string, parcel) -> ...
 * core.encode_bytes(...) makes Bytes (core/lua/bytes.h) and a parcel or nil; decoding takes Bytes
 * too. */
void codec_register(lua_State *L);

#endif
