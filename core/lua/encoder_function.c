/* Encoder of functions - their code, and what their upvalues hold. */
#include "core/lua/encoder.h"
#include "core/lua/environment.h"
#include "core/lua/library.h"

static int write_code(lua_State *L, const void *bytes, size_t size, void *encoder) {
    Encoder *e = encoder;
    (void)L;
    return buffer_append(e->to, bytes, size);
}

static void put_code(Encoder *e, int function) {
    size_t counter = put_counter(e);
    lua_pushvalue(e->L, function);
    if (lua_dump(e->L, write_code, e, 0) != 0) encoder_no_memory(e);
    lua_pop(e->L, 1);
    size_t size = here(e) - counter - sizeof(uint32_t);
    if (size > UINT32_MAX) luaL_error(e->L, "a function of too much code");
    set_counter(e, counter, size);
}

// The name is on top of the stack.
static void put_library(Encoder *e) {
    put_byte(e, TAG_LIBRARY);
    encode_string(e, lua_gettop(e->L));
    lua_pop(e->L, 1);
}

bool encode_library(Encoder *e, int index) {
    if (!library_push_name(e->L, index)) return false;
    put_library(e);
    return true;
}

// Modules go by name from here only: looking up every table would be slow.
static void encode_captured(Encoder *e, Tag kind, int value) {
    if (lua_type(e->L, value) == LUA_TTABLE && library_push_name(e->L, value)) {
        put_byte(e, TAG_UPVALUE);
        return put_library(e);
    }
    put_byte(e, (int)kind);
    encode_value(e, value);
}

static void encode_environment(Encoder *e, int value) {
    switch (environment_kind(e->L, value)) {
    case ENVIRONMENT_GLOBALS: return put_byte(e, TAG_GLOBALS);
    case ENVIRONMENT_OWN: return encode_captured(e, TAG_UPVALUE, value);
    case ENVIRONMENT_OVER: return encode_captured(e, TAG_OVER_GLOBALS, value);
    }
}

// The value on top of the stack is that of upvalue i.
static void encode_upvalue(Encoder *e, int function, int i, const char *name) {
    int value = lua_gettop(e->L);
    size_t place = encoder_place_of(e, lua_upvalueid(e->L, function, i));
    if (place) return put_tagged_varint(e, TAG_JOINED, place);
    if (environment_is_upvalue(name)) return encode_environment(e, value);
    encode_captured(e, TAG_UPVALUE, value);
}

void encode_upvalues(Encoder *e, int function) {
    lua_State *L = e->L;
    lua_Debug info;
    lua_pushvalue(L, function);
    lua_getinfo(L, ">u", &info);
    bool apart = environment_push_apart(L, function);
    e->capturing++;
    put_varint(e, (uint64_t)info.nups + apart);
    for (int i = 1; i <= info.nups; i++) {
        encode_upvalue(e, function, i, lua_getupvalue(L, function, i));
        lua_pop(L, 1);
    }
    if (apart) {
        encode_environment(e, lua_gettop(L));
        lua_pop(L, 1);
    }
    e->capturing--;
}

static void encode_closure(Encoder *e, int function) {
    bool deep = encoder_is_deep(e);
    luaL_checkstack(e->L, LUA_MINSTACK, "too many values to encode");
    put_byte(e, deep ? TAG_FUNCTION : TAG_FUNCTION | TAG_MORE);
    put_code(e, function);
    if (deep) return encoder_put_off(e, function);
    e->depth++;
    encode_upvalues(e, function);
    e->depth--;
}

void encode_function(Encoder *e, int index) {
    if (!e->functions) encoder_refuse(e, index, FOREIGN);
    if (encoder_put_reference(e, lua_topointer(e->L, index)) || encode_library(e, index)) return;
    if (lua_iscfunction(e->L, index)) encoder_refuse(e, index, FOREIGN);
    encode_closure(e, index);
}
