/* Interrupt - an error that another process, or the terminal, raises in running Lua code.
 *
 * interrupt_signal() sent to a process that listens raises "the process was
 * interrupted" once, wherever its Lua code is by then. Like any error it can be
 * caught. It does not reach into C code, a coroutine's own endless loop, or what
 * LuaJIT has compiled; waits of this library end for it. */
#ifndef PARALLEL_LUA_LUA_INTERRUPT_H
#define PARALLEL_LUA_LUA_INTERRUPT_H

#include <poll.h>

#include "core/lua/compat.h"

/* The signal's number. */
int interrupt_signal(void);

/* In a child of this library: from now on the signal raises in this thread. */
void interrupt_listen(lua_State *L);

/* poll(2), which ends with EINTR also when the signal came just before it. */
int interrupt_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

/* A system call returned EINTR: lets the handler of that signal, ours or the debug hook
 * that the lua program sets for Ctrl-C, have its say, which may be to raise. */
void interrupt_check(lua_State *L);

#endif
