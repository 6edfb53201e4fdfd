#include "core/lua/failed.h"

#include <stdbool.h>

#include "core/lua/codec.h"

// An account is a table {message, traceback, value} while it is in Lua; as bytes, the item
// and the sizes of message and traceback as varints, the message, the traceback, and the
// value as values are sent. Only one that is no text is told: of others the message is all.

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
    lua_createtable(L, 3, 0);
    failed_push_message(L, 1);
    lua_rawseti(L, 2, 1);
    luaL_traceback(L, L, NULL, 1);
    lua_rawseti(L, 2, 2);
    if (lua_type(L, 1) != LUA_TSTRING) {
        lua_pushvalue(L, 1);
        lua_rawseti(L, 2, 3);
    }
    return 1;
}

static int append_value(lua_State *L) {
    codec_encode(L, 1, 1, lua_touserdata(L, 2));
    return 0;
}

// The account is on top. A value that cannot be sent is left out.
static void write_value(lua_State *L, Buffer *to) {
    lua_pushcfunction(L, append_value);
    if (lua_rawgeti(L, -2, 3) == LUA_TNIL) return lua_pop(L, 2);
    lua_pushlightuserdata(L, to);
    if (lua_pcall(L, 2, 0, 0) != 0) lua_pop(L, 1);
}

static int append_texts(Buffer *to, uint64_t item, const char *message, size_t message_size,
                        const char *traceback, size_t traceback_size) {
    if (buffer_append_varint(to, item) == -1 || buffer_append_varint(to, message_size) == -1 ||
        buffer_append_varint(to, traceback_size) == -1 ||
        buffer_append(to, message, message_size) == -1)
        return -1;
    return buffer_append(to, traceback, traceback_size);
}

int failed_write(lua_State *L, uint64_t item, Buffer *to) {
    size_t message_size, traceback_size;
    if (!lua_istable(L, -1)) {
        const char *message = lua_tolstring(L, -1, &message_size);
        if (!message) message = "unknown error", message_size = strlen(message);
        return append_texts(to, item, message, message_size, "", 0);
    }
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    const char *message = lua_tolstring(L, -2, &message_size);
    const char *traceback = lua_tolstring(L, -1, &traceback_size);
    lua_pop(L, 2); // the table keeps both
    if (append_texts(to, item, message, message_size, traceback, traceback_size) == -1) return -1;
    write_value(L, to);
    return 0;
}

static int push_value(lua_State *L) {
    return codec_decode(L, lua_touserdata(L, 1), (size_t)lua_tointeger(L, 2));
}

static void set_text(lua_State *L, const char *name, const char *bytes, uint64_t size) {
    lua_pushlstring(L, bytes, (size_t)size);
    lua_setfield(L, -2, name);
}

static void set_value(lua_State *L, const char *bytes, size_t size) {
    lua_pushcfunction(L, push_value);
    lua_pushlightuserdata(L, (void *)(uintptr_t)bytes);
    lua_pushinteger(L, (lua_Integer)size);
    if (lua_pcall(L, 2, 1, 0) == 0)
        lua_setfield(L, -2, "value");
    else
        lua_pop(L, 1);
}

void failed_push(lua_State *L, const char *bytes, size_t size) {
    const char *at = bytes, *end = bytes + size;
    uint64_t item = 0, message = 0, traceback = 0;
    bool whole = varint_read(&at, end, &item) && varint_read(&at, end, &message) &&
                 varint_read(&at, end, &traceback) && message <= (size_t)(end - at) &&
                 traceback <= (size_t)(end - at) - message;
    if (!whole) at = end, message = traceback = 0;
    const char *value = at + message + traceback;
    lua_createtable(L, 0, 5);
    set_text(L, "message", at, message);
    set_text(L, "traceback", at + message, traceback);
    lua_pushinteger(L, (lua_Integer)item);
    lua_setfield(L, -2, "item");
    if (value < end) set_value(L, value, (size_t)(end - value));
}
