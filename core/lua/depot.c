#include "core/lua/depot.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "core/lua/core.h"
#include "core/lua/value.h"

static const char DEPOT_TYPE[] = "parallel.depot";

enum { DEFAULT_BLOCK = 1 << 16 };

Depot *depot_check(lua_State *L, int index) {
    return luaL_checkudata(L, index, DEPOT_TYPE);
}

Depot *depot_field(lua_State *L, int index) {
    lua_getfield(L, index, "depot");
    Depot *depot = depot_check(L, -1);
    lua_pop(L, 1);
    return depot;
}

static bool is_from_outside(int error) {
    return error != ENOMEM && error != EINVAL && error != EBADMSG && error != EUCLEAN;
}

int depot_error(lua_State *L, const Depot *depot, const char *what) {
    int error = errno;
    if (depot && depot->on_disk && depot->place && is_from_outside(error))
        what = lua_pushfstring(L, "%s in '%s'", what, depot->place);
    errno = error;
    return value_error(L, what);
}

static lua_Integer field(lua_State *L, const char *name, lua_Integer otherwise) {
    lua_getfield(L, 1, name);
    lua_Integer value = luaL_optinteger(L, -1, otherwise);
    lua_pop(L, 1);
    return value;
}

static const char *place_field(lua_State *L) {
    lua_getfield(L, 1, "place");
    return luaL_optstring(L, -1, NULL); // stays on the stack as long as it is needed
}

// core.depot{memory =, most =, disk =, place =, refusal =, block =}
static int core_depot(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    const char *place = place_field(L);
    size_t size = place ? strlen(place) + 1 : 0;
    Depot made = {
        .memory = (int)field(L, "memory", -1),
        .most = (uint64_t)field(L, "most", INT64_MAX),
        .disk = (int)field(L, "disk", -1),
        .refusal = (int)field(L, "refusal", 0),
        .block = (size_t)field(L, "block", DEFAULT_BLOCK),
    };
    luaL_argcheck(L, made.memory != -1 || made.disk != -1, 1, "a depot needs a file");
    luaL_argcheck(L, made.block >= 1 && made.block <= BLOCK_LARGEST, 1, "block is out of range");
    Depot *depot = lua_newuserdatauv(L, sizeof *depot + size, 0);
    *depot = made;
    if (size) depot->place = memcpy(depot + 1, place, size);
    luaL_setmetatable(L, DEPOT_TYPE);
    return 1;
}

void depot_register(lua_State *L) {
    luaL_newmetatable(L, DEPOT_TYPE);
    lua_pop(L, 1);
    lua_pushcfunction(L, core_depot);
    lua_setfield(L, -2, "depot");
}
