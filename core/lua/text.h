/* Text - the text helpers for jobs: words, lines, ngrams, fields. */
#ifndef PARALLEL_LUA_LUA_TEXT_H
#define PARALLEL_LUA_LUA_TEXT_H

#include "core/lua/compat.h"
#include "core/shuffle/tokens.h"

/* The C iterator behind the Lua iterator at this index, or NULL when it is none of ours. */
Tokens *text_tokens(lua_State *L, int index);

/* Raises, as for an argument, unless what is at this index can be called. */
void text_check_iterator(lua_State *L, int index);

void text_register(lua_State *L);

#endif
