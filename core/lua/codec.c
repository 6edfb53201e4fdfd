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

typedef void Encode(lua_State *L, int first, int count, Buffer *to);
typedef int Decode(lua_State *L, const char *bytes, size_t size);

static int encode_with(lua_State *L, Encode *encode) {
    int count = lua_gettop(L);
    Buffer *buffer = buffer_push(L);
    encode(L, 1, count, buffer);
    lua_pushlstring(L, buffer_bytes(buffer), buffer_size(buffer));
    buffer_free(buffer); // the collector may take long to come
    return 1;
}

static int decode_with(lua_State *L, Decode *decode) {
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    return decode(L, bytes, size);
}

static int core_encode(lua_State *L) {
    return encode_with(L, codec_encode);
}

static int core_decode(lua_State *L) {
    return decode_with(L, codec_decode);
}

static int core_encode_trusted(lua_State *L) {
    return encode_with(L, codec_encode_trusted);
}

static int core_decode_trusted(lua_State *L) {
    return decode_with(L, codec_decode_trusted);
}

void codec_register(lua_State *L) {
    static const luaL_Reg FUNCTIONS[] = {
        {"encode", core_encode},
        {"decode", core_decode},
        {"encode_trusted", core_encode_trusted},
        {"decode_trusted", core_decode_trusted},
        {NULL, NULL},
    };
    luaL_setfuncs(L, FUNCTIONS, 0);
}
