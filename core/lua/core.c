#include "core/lua/core.h"

#include "core/lua/codec.h"
#include "core/lua/types.h"

typedef void Register(lua_State *L);

static Register *const PARTS[] = {
#ifdef PARALLEL_LUA_TESTING
    testing_register,
#endif
    codec_register,
    types_register,
    NULL,
};

int luaopen_parallel_core(lua_State *L) {
    lua_newtable(L);
    for (int i = 0; PARTS[i]; i++) PARTS[i](L);
    return 1;
}
