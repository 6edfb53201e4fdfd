/* What specs need and users do not: core.testing, in test builds only. */
#include "core/lua/core.h"
#include "core/lua/testing_codec.h"
#include "core/lua/testing_crash.h"
#include "core/lua/testing_ledger.h"
#include "core/lua/testing_net.h"
#include "core/lua/testing_shared.h"
#include "core/lua/testing_storm.h"
#include "core/lua/testing_wire.h"
#include "core/os/fault.h"

// testing.fault(plan): arms the fault points as core/os/fault.h says; nil disarms them.
static int testing_fault(lua_State *L) {
    char error[128];
    if (fault_arm(luaL_optstring(L, 1, NULL), error, sizeof error) == 0) return 0;
    return luaL_error(L, "fault '%s' is not of the form point:action@n", error);
}

// testing.fault_acted(): how often what was armed last has acted, in all processes.
static int testing_fault_acted(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)fault_acted());
    return 1;
}

// testing.reach(point): a point of the Lua files was reached (see lua/parallel/base/fault.lua).
static int testing_reach(lua_State *L) {
    fault_hit(luaL_checkstring(L, 1), -1);
    return 0;
}

static const luaL_Reg FUNCTIONS[] = {
    {"fault", testing_fault},
    {"reach", testing_reach},
    {"fault_acted", testing_fault_acted},
    {NULL, NULL},
};

void testing_register(lua_State *L) {
    lua_newtable(L);
    luaL_setfuncs(L, FUNCTIONS, 0);
    testing_process_register(L);
    testing_codec_register(L);
    testing_wire_register(L);
    testing_net_register(L);
    testing_ledger_register(L);
    testing_shared_register(L);
    testing_crash_register(L);
    testing_storm_register(L);
    lua_setfield(L, -2, "testing");
}
