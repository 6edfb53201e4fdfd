#include "core/lua/codec.h"

#include <stdbool.h>

#include "core/lua/bytes.h"
#include "core/lua/collected.h"
#include "core/lua/growth.h"

static void push_bytes(lua_State *L, Buffer *buffer) {
    lua_pushlstring(L, buffer_bytes(buffer), buffer_size(buffer));
    buffer_free(buffer);
}

static int core_encode(lua_State *L) {
    int count = lua_gettop(L);
    Buffer *buffer = collected_buffer(L);
    codec_encode(L, 1, count, buffer);
    push_bytes(L, buffer);
    return 1;
}

static int core_decode(lua_State *L) {
    size_t size;
    const char *bytes = bytes_check(L, 1, &size);
    return codec_decode(L, bytes, size);
}

static int core_encode_trusted(lua_State *L) {
    int count = lua_gettop(L);
    Buffer *buffer = collected_buffer(L);
    codec_encode_trusted(L, 1, count, buffer);
    push_bytes(L, buffer);
    if (lua_isnil(L, -2)) return 1;
    lua_insert(L, -2);
    return 2;
}

static int core_encode_bytes(lua_State *L) {
    int count = lua_gettop(L);
    codec_encode_trusted(L, 1, count, bytes_new(L));
    lua_insert(L, -2);
    bytes_finish(L);
    lua_insert(L, -2);
    return 2;
}

static int decode_trusted(lua_State *L) {
    size_t size;
    const char *bytes = bytes_check(L, 1, &size);
    lua_settop(L, 2);
    return codec_decode_trusted(L, bytes, size, 2);
}

static int core_decode_trusted(lua_State *L) {
    bool large = bulk_size(bytes_bulk(L, 1)) >= GROWTH_LEAST;
    return large ? growth_of(L, decode_trusted) : decode_trusted(L);
}

void codec_register(lua_State *L) {
    static const luaL_Reg FUNCTIONS[] = {
        {"encode", core_encode},
        {"decode", core_decode},
        {"encode_trusted", core_encode_trusted},
        {"encode_bytes", core_encode_bytes},
        {"decode_trusted", core_decode_trusted},
        {NULL, NULL},
    };
    luaL_setfuncs(L, FUNCTIONS, 0);
}
