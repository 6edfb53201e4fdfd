/* Children - the processes that a Lua state started: forks that go on in a copy of it.
 *
 *     child = core.start_child(object, daemon, prepare, f, ...)
 *
 * forks a process that calls prepare(), then f(...), and ends. An error in it is
 * printed with the name that prepare returned and gives exit status 1. It keeps open what f
 * and the other values, and the globals, lead to (core/lua/reach.h).
 *
 *     child:pid()
 *     child:exitcode()      nil while it runs; its exit status, or the signal that killed
 *                           it, negative; 255 when a host that reaps all children took it
 *     child:wait(timeout)   true when it has ended; waits at most so many seconds
 *     child:terminate(), child:kill(), child:interrupt()   ask, force, raise in its code
 *     child:sentinel()      a descriptor that is readable once it has ended
 *     child:close()         gives up the sentinel; raises nothing, also while it runs
 *     core.children()       the objects of those that run; reaps the others
 *     core.end_children()   as when the state is closed:
 *
 * When the state is closed daemons are asked to end, the others are waited for,
 * and daemons that did not heed are killed. When its process dies, however it
 * dies, the kernel kills them all. */
#ifndef PARALLEL_LUA_LUA_CHILDREN_H
#define PARALLEL_LUA_LUA_CHILDREN_H

#include "core/lua/compat.h"

/* What core.end_children does. In a copy that fork made: nothing. */
void children_end(lua_State *L);

/* All of them are daemons from now on: somebody wants the program to end. */
void children_make_daemons(lua_State *L);

/* Stops them, with what they started, and lets them go on. */
void children_pause(lua_State *L);
void children_resume(lua_State *L);

/* In a copy that fork made: they are the parent's, not this process's. */
void children_disown(lua_State *L);

void children_register(lua_State *L);

#endif
