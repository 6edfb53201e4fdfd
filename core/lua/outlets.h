/* Outlets - what becomes of the stdout and stderr of a pool's worker.
 *
 *     "inherit"   they go where the pool's owner has them, in whole lines
 *     "tag"       the same, each line with the worker's name before it
 *     "ordered"   what an item printed goes to the owner with its outcome
 *     "discard"   nowhere
 *
 * What a worker printed through commands and had not passed on when it died
 * comes with the event of its death; outlets_bequeath passes it on. */
#ifndef PARALLEL_LUA_LUA_OUTLETS_H
#define PARALLEL_LUA_LUA_OUTLETS_H

#include <stdbool.h>

#include "core/lua/compat.h"
#include "core/os/outlet.h"
#include "core/pool/pool.h"

typedef enum { OUTPUT_INHERIT, OUTPUT_TAG, OUTPUT_ORDERED, OUTPUT_DISCARD } Output;

enum { OUTLETS_NAME_SIZE = 64 };

typedef struct {
    Output output;
    char name[OUTLETS_NAME_SIZE];        // of the pool, for "tag"
    char prefix[OUTLETS_NAME_SIZE + 32]; // in a worker
    Outlet of[CAPTURES];                 // in a worker
    pid_t worker;                        // whose they are, and not its children's
    bool open;
} Outlets;

/* Reads the fields output and name of the options at `index`; raises when they are no such. */
void outlets_check(lua_State *L, int index, Outlets *outlets);

/* In a worker, before it can print anything. `outlets` lives as long as the process. */
void outlets_open(Outlets *outlets, lua_State *L, Self *self);

/* In a worker: a task has ended, and what was printed meanwhile goes out. */
void outlets_flush(Outlets *outlets);

/* In a worker that leaves: what it printed since. */
void outlets_leave(Outlets *outlets, const Self *self);

/* In the owner: what a worker left that died. */
void outlets_bequeath(const Outlets *outlets, const PoolEvent *death);

/* Adds to the module: core.flush_output(). In a worker what was printed goes out: true, or nil and
 * why some of what went to stdout did not, now or before. Elsewhere it is true, and nothing is
 * done. */
void outlets_register(lua_State *L);

#endif
