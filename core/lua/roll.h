/* Roll - the tasks that were submitted one by one and have no outcome yet.
 *
 *     roll = core.roll(calls, results, class, known)
 *
 * numbers them from 1. The AsyncResult of each, a table with the metatable `class`, stands at its
 * place in the list `results`, from which the owner takes it out with the outcome. While none is
 * open, places are given out from the first again.
 *
 *     roll.submit(f, ...)   a task with these arguments, as they are now: its AsyncResult; nothing,
 *                           and no task, for arguments that take the codec, a function that is not
 *                           followed, or in another process
 *     roll.add(result, ...) a task with these arguments, and a table of ours as its AsyncResult,
 *                           which is returned; nothing, and no task, when they take the codec
 *     roll.add_call(result, call)   the same with arguments as of core.call
 *     roll.follow(version)  from now on functions that are `known` as this are followed; nil: none
 *     roll.last()           the last number
 *     roll.open()           how many have no outcome
 *     roll.place(number)    where its result is
 *     roll.close(count)     so many have their outcome
 *
 * What raises, for want of memory, has added neither a task nor arguments: the calls are always
 * those of the tasks that wait.
 *
 * These are functions, not methods: tasks come by the million. */
#ifndef PARALLEL_LUA_LUA_ROLL_H
#define PARALLEL_LUA_LUA_ROLL_H

#include "core/lua/compat.h"

void roll_register(lua_State *L);

#endif
