#include "core/lua/codec.h"

static int buffer_gc(lua_State *L) {
    buffer_free(lua_touserdata(L, 1));
    return 0;
}

// Pushes a buffer that the collector frees.
static Buffer *buffer_push(lua_State *L) {
    Buffer *buffer = lua_newuserdatauv(L, sizeof *buffer, 0);
    *buffer = (Buffer){0};
    if (luaL_newmetatable(L, "parallel.codec.buffer")) {
        lua_pushcfunction(L, buffer_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return buffer;
}

static int core_encode(lua_State *L) {
    int count = lua_gettop(L);
    Buffer *buffer = buffer_push(L);
    codec_encode(L, 1, count, buffer);
    lua_pushlstring(L, buffer_bytes(buffer), buffer_size(buffer));
    buffer_free(buffer); // the collector may take long to come
    return 1;
}

static int core_decode(lua_State *L) {
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    return codec_decode(L, bytes, size);
}

void codec_register(lua_State *L) {
    static const luaL_Reg FUNCTIONS[] = {
        {"encode", core_encode},
        {"decode", core_decode},
        {NULL, NULL},
    };
    luaL_setfuncs(L, FUNCTIONS, 0);
}
