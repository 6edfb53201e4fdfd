#include "core/lua/bytes.h"

#include "core/lua/core.h"

static const char BYTES[] = "parallel.core.bytes";

// A box with a bulk, NULL when it was released.
static Bulk **push_box(lua_State *L) {
    Bulk **box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = NULL;
    luaL_setmetatable(L, BYTES);
    return box;
}

Buffer *bytes_new(lua_State *L) {
    Bulk **box = push_box(L);
    *box = bulk_make(&(Buffer){0});
    if (!*box) luaL_error(L, "not enough memory");
    return &(*box)->bytes;
}

void bytes_finish(lua_State *L) {
    const Buffer *bytes = &bytes_bulk(L, -1)->bytes;
    if (buffer_size(bytes) >= BYTES_LARGE) return;
    lua_pushlstring(L, buffer_bytes(bytes), buffer_size(bytes));
    bytes_release(L, -2);
    lua_remove(L, -2);
}

void bytes_push(lua_State *L, Bulk *bulk) {
    Bulk **box = push_box(L);
    *box = bulk_hold(bulk);
}

const char *bytes_check(lua_State *L, int index, size_t *size) {
    if (lua_type(L, index) != LUA_TUSERDATA) return luaL_checklstring(L, index, size);
    const Bulk *bulk = *(Bulk **)luaL_checkudata(L, index, BYTES);
    *size = bulk_size(bulk);
    return bulk ? buffer_bytes(&bulk->bytes) : "";
}

Bulk *bytes_bulk(lua_State *L, int index) {
    return lua_type(L, index) == LUA_TUSERDATA ? *(Bulk **)luaL_checkudata(L, index, BYTES) : NULL;
}

void bytes_release(lua_State *L, int index) {
    if (lua_type(L, index) != LUA_TUSERDATA) return;
    Bulk **box = luaL_checkudata(L, index, BYTES);
    bulk_drop(*box);
    *box = NULL;
}

static int bytes_gc(lua_State *L) {
    bytes_release(L, 1);
    return 0;
}

static int bytes_len(lua_State *L) {
    size_t size;
    bytes_check(L, 1, &size);
    lua_pushinteger(L, (lua_Integer)size);
    return 1;
}

void bytes_register(lua_State *L) {
    static const luaL_Reg METHODS[] = {{"__len", bytes_len}, {"__gc", bytes_gc}, {NULL, NULL}};
    core_class(L, BYTES, METHODS);
}
