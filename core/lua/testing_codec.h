/* Testing codec - adds what the codec's specs need to core.testing, in test builds only. */
#ifndef PARALLEL_LUA_LUA_TESTING_CODEC_H
#define PARALLEL_LUA_LUA_TESTING_CODEC_H

#include "core/lua/compat.h"

void testing_codec_register(lua_State *L);

#endif
