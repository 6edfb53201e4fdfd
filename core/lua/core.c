#include "core/lua/core.h"
#include "core/lua/files.h"
#include "core/lua/records.h"
#include "core/lua/text.h"

#include "core/lua/pool.h"
#include "core/lua/system.h"

typedef void Register(lua_State *L);

static Register *const PARTS[] = {
    pool_register,
    system_register,
#ifdef PARALLEL_LUA_TESTING
    testing_register,
#endif
    files_register,
    records_register,
    text_register,
    NULL,
};

int luaopen_parallel_core(lua_State *L) {
    lua_newtable(L);
    for (int i = 0; PARTS[i]; i++) PARTS[i](L);
    return 1;
}
