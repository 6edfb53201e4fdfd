#include "core/lua/core.h"

#include <errno.h>
#include <string.h>

#include "core/lua/array.h"
#include "core/lua/aside.h"
#include "core/lua/barrier.h"
#include "core/lua/bytes.h"
#include "core/lua/calls.h"
#include "core/lua/children.h"
#include "core/lua/client.h"
#include "core/lua/codec.h"
#include "core/lua/condition.h"
#include "core/lua/connection.h"
#include "core/lua/depot.h"
#include "core/lua/emitter.h"
#include "core/lua/event.h"
#include "core/lua/facts.h"
#include "core/lua/file.h"
#include "core/lua/files.h"
#include "core/lua/intake.h"
#include "core/lua/items.h"
#include "core/lua/list.h"
#include "core/lua/listener.h"
#include "core/lua/lock.h"
#include "core/lua/manifest.h"
#include "core/lua/outcomes.h"
#include "core/lua/outlets.h"
#include "core/lua/parcel.h"
#include "core/lua/pid.h"
#include "core/lua/poller.h"
#include "core/lua/pool.h"
#include "core/lua/printer.h"
#include "core/lua/queue.h"
#include "core/lua/random.h"
#include "core/lua/reach.h"
#include "core/lua/records.h"
#include "core/lua/recruit.h"
#include "core/lua/reduce.h"
#include "core/lua/result.h"
#include "core/lua/roll.h"
#include "core/lua/run.h"
#include "core/lua/scratch.h"
#include "core/lua/self.h"
#include "core/lua/semaphore.h"
#include "core/lua/shared_memory.h"
#include "core/lua/shared_value.h"
#include "core/lua/starter.h"
#include "core/lua/system.h"
#include "core/lua/text.h"
#include "core/lua/types.h"
#include "core/lua/vigil.h"

typedef void Register(lua_State *L);

// clang-format off
static Register *const PARTS[] = {
    array_register,
    aside_register,
    barrier_register,
    bytes_register,
    calls_register,
    children_register,
    client_register,
    codec_register,
    condition_register,
    connection_register,
    depot_register,
    emitter_register,
    event_register,
    facts_register,
    file_register,
    files_register,
    intake_register,
    items_register,
    list_register,
    listener_register,
    lock_register,
    manifest_register,
    outcomes_register,
    outlets_register,
    parcel_register,
    pid_register,
    poller_register,
    pool_register,
    printer_register,
    queue_register,
    random_register,
    reach_register,
    records_register,
    recruit_register,
    reduce_register,
    result_register,
    roll_register,
    run_register,
    scratch_register,
    self_register,
    semaphore_register,
    shared_memory_register,
    shared_value_register,
    starter_register,
    system_register,
    text_register,
    types_register,
    vigil_register,
#ifdef PARALLEL_LUA_TESTING
    testing_register,
#endif
    NULL,
};
// clang-format on

void core_class(lua_State *L, const char *name, const luaL_Reg *methods) {
    luaL_newmetatable(L, name);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

// The metatable is its own __index.
void core_own_class(lua_State *L, const char *name, const luaL_Reg *methods, int count) {
    int first = lua_gettop(L) - count;
    lua_newtable(L);
    for (int i = 0; i <= count; i++) lua_pushvalue(L, first + i);
    luaL_setfuncs(L, methods, count + 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, first);
    lua_settop(L, first);
}

int core_cannot(lua_State *L, const char *what, const char *path) {
    int error = errno;
    lua_pushnil(L);
    lua_pushfstring(L, "cannot %s '%s': %s", what, path, strerror(error));
    lua_pushinteger(L, error);
    return 3;
}

int luaopen_parallel_core(lua_State *L) {
    lua_newtable(L);
    for (int i = 0; PARTS[i]; i++) PARTS[i](L);
    return 1;
}
