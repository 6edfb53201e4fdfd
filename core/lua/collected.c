#include "core/lua/collected.h"

static int buffer_gc(lua_State *L) {
    buffer_free(lua_touserdata(L, 1));
    return 0;
}

Buffer *collected_buffer(lua_State *L) {
    Buffer *buffer = lua_newuserdatauv(L, sizeof *buffer, 0);
    *buffer = (Buffer){0};
    if (luaL_newmetatable(L, "parallel.core.buffer")) {
        lua_pushcfunction(L, buffer_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return buffer;
}
