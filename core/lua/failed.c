#include "core/lua/failed.h"

// An account is a table {message, traceback} while it is in Lua; as bytes, the
// item and the size of the message as varints, the message, the traceback.

static int convert(lua_State *L) {
    luaL_tolstring(L, 1, NULL);
    return 1;
}

void failed_push_message(lua_State *L, int index) {
    index = lua_absindex(L, index);
    lua_pushcfunction(L, convert);
    lua_pushvalue(L, index);
    if (lua_pcall(L, 1, 1, 0) == 0) return;
    lua_pop(L, 1);
    lua_pushfstring(L, "(error object is a %s that cannot be converted to a string)",
                    luaL_typename(L, index));
}

int failed_handler(lua_State *L) {
    lua_createtable(L, 2, 0);
    failed_push_message(L, 1);
    lua_rawseti(L, 2, 1);
    luaL_traceback(L, L, NULL, 1);
    lua_rawseti(L, 2, 2);
    return 1;
}

int failed_write(lua_State *L, uint64_t item, Buffer *to) {
    size_t message_size, traceback_size = 0;
    const char *message, *traceback = "";
    if (lua_istable(L, -1)) {
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        message = lua_tolstring(L, -2, &message_size);
        traceback = lua_tolstring(L, -1, &traceback_size);
        lua_pop(L, 2); // the table keeps both
    } else {
        message = lua_tolstring(L, -1, &message_size);
        if (!message) message = "unknown error", message_size = strlen(message);
    }
    if (buffer_append_varint(to, item) == -1 || buffer_append_varint(to, message_size) == -1 ||
        buffer_append(to, message, message_size) == -1)
        return -1;
    return buffer_append(to, traceback, traceback_size);
}

void failed_push(lua_State *L, const char *bytes, size_t size) {
    const char *at = bytes, *end = bytes + size;
    uint64_t item = 0, message_size = 0;
    bool whole = varint_read(&at, end, &item) && varint_read(&at, end, &message_size) &&
                 message_size <= (size_t)(end - at);
    if (!whole) at = end, message_size = 0;
    lua_createtable(L, 0, 4);
    lua_pushlstring(L, at, (size_t)message_size);
    lua_setfield(L, -2, "message");
    lua_pushlstring(L, at + message_size, (size_t)(end - at) - (size_t)message_size);
    lua_setfield(L, -2, "traceback");
    lua_pushinteger(L, (lua_Integer)item);
    lua_setfield(L, -2, "item");
}
