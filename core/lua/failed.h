/* Failed - what a worker tells of an error in user code: message, traceback and value,
 * gathered where the error happened, whatever the error value is. */
#ifndef PARALLEL_LUA_LUA_FAILED_H
#define PARALLEL_LUA_LUA_FAILED_H

#include <stdint.h>

#include "core/lua/compat.h"
#include "core/wire/buffer.h"

/* Pushes the error value as a string; its __tostring may itself fail or give nonsense. */
void failed_push_message(lua_State *L, int index);

/* A message handler for lua_pcall: replaces the error value by an account of it. */
int failed_handler(lua_State *L);

/* Appends the account on top of the stack, with the item that was running;
 * also anything else that lua_pcall left there, such as "not enough memory".
 * 0, or -1 with ENOMEM. */
int failed_write(lua_State *L, uint64_t item, Buffer *to);

/* Pushes a table with message, traceback and item; and value, if that was no text and could be
 * sent. */
void failed_push(lua_State *L, const char *bytes, size_t size);

#endif
