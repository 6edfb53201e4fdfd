/* Decoder of objects - values of registered types, and such as say how they are made. */
#include "core/lua/decoder.h"
#include "core/lua/parcel.h"
#include "core/lua/types.h"

static void unknown_type(lua_State *L, int name) {
    luaL_error(L, "no type '%s' is registered in this process", lua_tostring(L, name));
}

// Pushes the type whose name comes next.
static void decode_type(Decoder *d) {
    lua_State *L = d->L;
    decode_name(d, "a type's name is not a string");
    if (!types_push_named(L, -1)) unknown_type(L, -1);
    lua_remove(L, -2);
}

// The metatable of a type that is known here stays as it is, whatever the message has for it.
void decode_metatable(Decoder *d, lua_Integer place) {
    lua_State *L = d->L;
    decoder_check_trust(d);
    decode_name(d, "a type's name is not a string");
    int name = lua_gettop(L);
    bool known = types_push_named(L, name);
    if (known) {
        lua_rawgeti(L, -1, TYPE_METATABLE);
        lua_replace(L, -2);
        if (place) decoder_remember(d, place);
    }
    lua_Integer tag_place = d->at - d->start;
    int tag = (unsigned char)*take(d, 1);
    if (tag != TAG_NIL)
        decode_table(d, tag, tag_place, known ? 0 : place);
    else if (!known)
        unknown_type(L, name);
    lua_settop(L, name + 1);
    lua_remove(L, name);
}

static void set_type(Decoder *d, int type) {
    lua_rawgeti(d->L, type, TYPE_METATABLE);
    lua_setmetatable(d->L, -2);
}

void decode_typed(Decoder *d, lua_Integer place) {
    lua_State *L = d->L;
    decode_type(d);
    int type = lua_gettop(L);
    lua_Integer tag_place = d->at - d->start;
    decode_table(d, (unsigned char)*take(d, 1), tag_place, place);
    set_type(d, type);
    lua_remove(L, type);
}

void decode_object(Decoder *d, lua_Integer place) {
    lua_State *L = d->L;
    decoder_enter(d);
    decode_type(d);
    int type = lua_gettop(L);
    decode_value(d);
    decode_later(d);
    if (lua_rawgeti(L, type, TYPE_LOAD) != LUA_TNIL) {
        lua_insert(L, -2);
        lua_call(L, 1, 1);
    } else {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TTABLE)
            luaL_error(L, "a type without load was dumped as a %s", luaL_typename(L, -1));
        set_type(d, type);
    }
    lua_remove(L, type);
    if (place) decoder_remember(d, place);
    decoder_leave(d);
}

void decode_call(Decoder *d, lua_Integer place) {
    lua_State *L = d->L;
    decoder_check_trust(d);
    decoder_enter(d);
    uint64_t count = take_varint(d);
    announce(d, count);
    if (count < 1 || count > INT32_MAX || !lua_checkstack(L, (int)count + LUA_MINSTACK))
        decoder_damaged(d, "a call of too few or too many values");
    for (uint64_t i = 0; i < count; i++) decode_owed(d);
    decode_later(d);
    lua_call(L, (int)count - 1, 1);
    if (place) decoder_remember(d, place);
    decoder_leave(d);
}

void decode_handle(Decoder *d, lua_Integer place) {
    lua_State *L = d->L;
    if (!d->parcel) decoder_damaged(d, "shared objects are not accepted here");
    decoder_enter(d);
    decode_name(d, "a type's name is not a string");
    lua_Integer i = take_place(d);
    if (!parcel_object(L, d->parcel, i, lua_tostring(L, -1)))
        decoder_damaged(d, "a shared object did not come with it");
    lua_remove(L, -2);
    if (place) decoder_remember(d, place);
    decoder_leave(d);
}
