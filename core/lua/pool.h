/* Pool, as Lua sees it (core.pool): the transport under lua/parallel.
 *
 *     pool = core.pool{workers = 4, window = 2, keep = {fd, ...} or function,
 *                      begin = function(self) end,
 *                      handle = function(self, payload, parcel, bulk) return reply end,
 *                      finish = function(self) end, memory = bytes,
 *                      output = "inherit", name = "pool", times = true}
 *
 * forks the workers; the functions reach them by inheritance and run there. With
 * {workers, window, keep, output, name, starter = core.starter(...), letter = bytes,
 * parcel = parcel} the starter makes them (core/lua/starter.h), and they make the functions
 * from the letter. `self` is described in core/lua/self.h, the other fields in
 * core/lua/service.h. A function `keep` is asked at every fork for a list
 * of shared objects (core/lua/shared.h) and descriptors that the worker inherits beside those
 * that all do. A parcel is a list of the shared objects that go with a payload, letter or reply.
 *
 *     pool:submit(payload, worker, limit, parcel, items, bulk)   task number; worker from 1, or nil
 *                                    for any; limit: seconds that each item may take; items: how
 *                                    many there are, which may be cut when there is more than one;
 *                                    bulk: Bytes (core/lua/bytes.h) that go beside the payload.
 *                                    The payload may be Bytes too, without a bulk; they are
 * released pool:cancel(task, item)        stops the item, or the whole task: "withdrawn" when no
 * worker has it any more, "refused" when it was not begun, "stopped" when it runs; nil: no such
 * task pool:wait(timeout)             kind, task, worker, detail; or nil, "timeout"
 *
 *        "part",   task, worker, Bytes, parcel: of a task that goes on
 *        "result", task, worker, reply, parcel
 *        "error",  task, worker, {message, traceback, item, pid}
 *        "death",  task or nil, worker,
 *                {signal, exitcode, item, pid, ordered, innocent, outcomes, printed}:
 *                                      outcomes is what its ledger held, and may
 *                                      have come as a part already; printed is as
 *                                      core.outcomes tells it, of the last item
 *        "cut",    task, nil, item: the task ends before this item, those from there on are not
 *                                      going to be run: they are to be submitted anew
 *        "broken", nil, nil, {message, traceback}: no worker can be started
 *
 *     pool:letter(bytes, parcel)    what workers made from now on are told
 *     pool:resize(workers)  pool:memory(worker) bytes after its last task
 *     pool:kill(worker)  pool:drain(grace)  pool:close()  pool:stats()
 *     pool:workers()     pool:descriptor()  pool:timeout()
 */
#ifndef PARALLEL_LUA_LUA_POOL_H
#define PARALLEL_LUA_LUA_POOL_H

#include <stdint.h>

#include "core/lua/compat.h"

/* Stops the workers of all pools of this state, and lets them go on (see core/pool/pool.h). */
void pools_pause(lua_State *L);
void pools_resume(lua_State *L, uint64_t pause);

void pool_register(lua_State *L);

#endif
