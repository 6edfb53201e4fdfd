/* Vigil - a wait that looks after the pools of this process meanwhile: in shared memory, or for one
 * descriptor.
 *
 *     core.attend_with(f)     f() lets the pools go on. It returns true when something happened
 *                             to one, false when nothing did, nil when none is busy.
 *                             f = nil: there are no pools
 *
 * Without pools, or while none is busy, the wait sleeps until its deadline. Otherwise it
 * sleeps for moments, the longer the less happens, and calls f between them:
 *
 *     Vigil vigil = vigil_begin(L, deadline);
 *     do taken = semaphore_acquire(semaphore, vigil.until);
 *     while (vigil_goes_on(L, &vigil, taken)); */
#ifndef PARALLEL_LUA_LUA_VIGIL_H
#define PARALLEL_LUA_LUA_VIGIL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/lua/compat.h"

typedef struct {
    uint64_t deadline; // of the wait, as clock_now
    uint64_t until;    // to be waited for now
    uint64_t nap;      // nanoseconds that the next sleep may take
} Vigil;

Vigil vigil_begin(lua_State *L, uint64_t deadline);

/* Of one who must not be disturbed: it does not look after pools. */
Vigil vigil_alone(uint64_t deadline);

/* The wait ended without success at `until`. False when that is the deadline. What f raises,
 * be it what a signal handler wants raised, ends the wait. */
bool vigil_look_around(lua_State *L, Vigil *vigil);

/* The same, but does not raise: 1, 0, or -1 with the error on top of the stack. */
int vigil_look_around_safely(lua_State *L, Vigil *vigil);

/* The same after any outcome of a wait: 1 and more when it has succeeded, 0 at its end, -1 when a
 * signal came, which is let have its say. True: wait again. */
bool vigil_goes_on(lua_State *L, Vigil *vigil, int outcome);

/* The same without raising: 1, 0, or -1 with the error on top of the stack. */
int vigil_goes_on_safely(lua_State *L, Vigil *vigil, int outcome);

void vigil_register(lua_State *L);

#endif
