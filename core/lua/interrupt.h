/* Interrupt - an error that another process, or the terminal, raises in running Lua code.
 *
 * A signal handler asks for a debug hook, which raises at the next instruction. What it
 * cannot reach is a system call that was about to wait when the signal came: so the
 * handler also starts a timer, whose signals end such waits until the hook has run. Nor
 * does a hook reach into C code, a coroutine's own endless loop, or what LuaJIT has
 * compiled; the waits of this library look by themselves (interrupt_check). */
#ifndef PARALLEL_LUA_LUA_INTERRUPT_H
#define PARALLEL_LUA_LUA_INTERRUPT_H

#include "core/lua/compat.h"

/* The number of the signal that interrupts a child of this library, and of the timer's. */
int interrupt_signal(void);

/* From now on interrupt_signal(), sent by whom it may be, raises "the process was
 * interrupted" in `L`, once, wherever its code is by then; like any error it can be
 * caught. Prepares interrupt_request. For one state of a process, in its own thread. */
void interrupt_listen(lua_State *L);

/* In a signal handler: `hook` shall run in `L` as soon as may be. It begins with
 * interrupt_heard. */
void interrupt_request(lua_State *L, lua_Hook hook);

/* The hook that was asked for runs: it is taken away, and the timer stops. */
void interrupt_heard(lua_State *L);

/* The same, and `message` is raised. */
int interrupt_raise(lua_State *L, const char *message);

/* How many were raised in this process. Who keeps errors of code that is not his for somebody
 * else, and finds that it became more meanwhile, passes this one on. */
unsigned interrupt_count(void);

/* Lets a hook that was asked for, or that of the lua program for Ctrl-C, have its say, which
 * may be to raise: before a wait that a compiled loop may do again and again, and when a
 * system call returned EINTR. The second one does not raise: 0, or an error on top of the
 * stack. */
void interrupt_check(lua_State *L);
int interrupt_check_safely(lua_State *L);

#endif
