#include "core/lua/encoder.h"

#include "core/lua/codec.h"
#include "core/lua/path.h"
#include "core/lua/shared.h"
#include "core/lua/types.h"

// Shorter strings are sent each time: looking them up would cost more than the
// few bytes that a reference to one saves.
enum { SHORTEST_SHARED = 16 };

static const char ENCODER; // its address is the key in the registry

void encoder_no_memory(Encoder *e) {
    luaL_error(e->L, "not enough memory");
}

size_t encoder_place_of(Encoder *e, const void *object) {
    size_t place = here(e);
    switch (seen_note(&e->seen, object, &place)) {
    case -1: encoder_no_memory(e); return 0;
    case 1: return 0;
    }
    *byte_at(e, place) |= TAG_SHARED;
    return place;
}

bool encoder_put_reference(Encoder *e, const void *object) {
    size_t place = encoder_place_of(e, object);
    if (!place) return false;
    for (int i = 0; i < e->makes; i++)
        if (e->making[i] == place)
            luaL_error(e->L, "what an object's dump returns cannot hold the object");
    put_tagged_varint(e, TAG_REFERENCE, place);
    return true;
}

// ---- scalars

static void encode_integer(Encoder *e, lua_Integer n) {
    if (n >= SMALL_LEAST && n <= SMALL_MOST)
        put_byte(e, TAG_SMALL_INTEGER | (int)(n - SMALL_LEAST));
    else
        put_tagged_varint(e, TAG_INTEGER, zigzag(n));
}

static void encode_float(Encoder *e, double n) {
    char *to = room(e, 1 + sizeof n);
    *to = TAG_FLOAT;
    memcpy(to + 1, &n, sizeof n);
    buffer_added(e->to, 1 + sizeof n);
}

static void encode_number(Encoder *e, int index) {
    if (lua_isinteger(e->L, index))
        encode_integer(e, lua_tointeger(e->L, index));
    else
        encode_float(e, lua_tonumber(e->L, index));
}

void encode_string(Encoder *e, int index) {
    size_t size;
    const char *bytes = lua_tolstring(e->L, index, &size);
    if (size >= SHORTEST_SHARED && encoder_put_reference(e, bytes)) return;
    if (size <= SHORT_STRING)
        put_byte(e, TAG_SHORT_STRING | (int)size);
    else
        put_tagged_varint(e, TAG_STRING, size);
    put_bytes(e, bytes, size);
}

static const char *kind_name(lua_State *L, int index) {
    const SharedKind *shared = shared_kind_of(L, index);
    if (shared) return shared->noun;
    switch (lua_type(L, index)) {
    case LUA_TTHREAD: return "a coroutine";
    case LUA_TUSERDATA:
        return luaL_testudata(L, index, LUA_FILEHANDLE) ? "an open file" : "a userdata";
    case LUA_TLIGHTUSERDATA: return "a userdata";
    default: return lua_pushfstring(L, "a %s", luaL_typename(L, index));
    }
}

void encoder_refuse(Encoder *e, int index, const char *reason) {
    lua_State *L = e->L;
    luaL_checkstack(L, LUA_MINSTACK, "no room to tell what cannot be sent");
    const char *kind = kind_name(L, index);
    bool inside = path_push(L, e->first, e->count, index);
    const char *path = inside ? lua_tostring(L, -1) : "";
    lua_pushfstring(L, "%s%s%s %s", path, inside ? ": " : "", kind, reason);
    lua_error(L);
}

// Adds a value to a list that is made when it is needed.
static void list_add(lua_State *L, int list, size_t *count, int value) {
    if (lua_type(L, list) == LUA_TNIL) {
        lua_newtable(L);
        lua_replace(L, list);
    }
    lua_pushvalue(L, value);
    lua_rawseti(L, list, (lua_Integer)++ * count);
}

void encoder_put_off(Encoder *e, int index) {
    list_add(e->L, e->later, &e->late, index);
}

void encoder_keep(Encoder *e, int first, int count) {
    for (int i = 0; i < count; i++) list_add(e->L, e->kept, &e->keeps, first + i);
}

size_t encoder_share(Encoder *e, int index) {
    list_add(e->L, e->shared, &e->handles, index);
    return e->handles;
}

void encode_value(Encoder *e, int index) {
    switch (lua_type(e->L, index)) {
    case LUA_TNIL: return put_byte(e, TAG_NIL);
    case LUA_TBOOLEAN: return put_byte(e, lua_toboolean(e->L, index) ? TAG_TRUE : TAG_FALSE);
    case LUA_TNUMBER: return encode_number(e, index);
    case LUA_TSTRING: return encode_string(e, index);
    case LUA_TTABLE: return encode_table(e, index);
    case LUA_TFUNCTION: return encode_function(e, index);
    case LUA_TUSERDATA: return encode_userdata(e, index);
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(e->L, index)) return put_byte(e, TAG_NULL);
    }
    encoder_refuse(e, index, FOREIGN);
}

// ---- the message

static void encode_contents(Encoder *e, int index) {
    if (lua_type(e->L, index) == LUA_TFUNCTION) return encode_upvalues(e, index);
    encode_table_contents(e, index);
}

void encode_later(Encoder *e, size_t from) {
    lua_State *L = e->L;
    int depth = e->depth;
    if (depth == 0) e->depth = 1;
    for (size_t i = from + 1; i <= e->late; i++) {
        lua_rawgeti(L, e->later, (lua_Integer)i);
        int index = lua_gettop(L);
        put_varint(e, encoder_place_of(e, lua_topointer(L, index)));
        encode_contents(e, index);
        lua_settop(L, index - 1);
    }
    put_varint(e, 0);
    e->late = from;
    e->depth = depth;
}

// encode(encoder, ...), under pcall so that whatever is raised, the buffer can be set back:
// the list of shared objects, or nil
static int encode_message(lua_State *L) {
    Encoder *e = lua_touserdata(L, 1);
    e->later = lua_gettop(L) + 1;
    e->first = 2;
    e->count = lua_gettop(L) - 1;
    e->kept = e->later + 1;
    e->shared = e->kept + 1;
    lua_settop(L, e->shared);
    put_varint(e, (uint64_t)e->count);
    for (int i = 0; i < e->count; i++) encode_value(e, e->first + i);
    encode_later(e, 0);
    lua_settop(L, e->shared);
    return 1;
}

static int encoder_gc(lua_State *L) {
    Encoder *e = lua_touserdata(L, 1);
    seen_free(&e->seen);
    return 0;
}

static Encoder *encoder_new(lua_State *L) {
    Encoder *e = lua_newuserdatauv(L, sizeof *e, 0);
    memset(e, 0, sizeof *e);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, encoder_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    return e;
}

// Pushes this state's encoder, or one more while that is busy.
static Encoder *encoder_take(lua_State *L) {
    Encoder *e = NULL;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &ENCODER) == LUA_TUSERDATA) e = lua_touserdata(L, -1);
    if (e && !e->busy) return e;
    lua_pop(L, 1);
    Encoder *fresh = encoder_new(L);
    if (!e) {
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &ENCODER);
    }
    return fresh;
}

static void encoder_open(Encoder *e, lua_State *L, Buffer *to) {
    e->busy = true;
    e->L = L;
    e->to = to;
    e->base = buffer_size(to);
    e->depth = e->floor = 0;
    e->types = types_any(L);
    e->late = e->keeps = e->handles = 0;
    e->makes = e->capturing = 0;
}

static void encoder_close(Encoder *e) {
    seen_clear(&e->seen);
    shapes_clear(&e->shapes);
    e->busy = false;
}

// Pushes the list of shared objects, or nil.
static void encode(lua_State *L, int first, int count, Buffer *to, bool shares, bool functions) {
    first = lua_absindex(L, first);
    luaL_checkstack(L, count + 4, "too many values to encode");
    Encoder *e = encoder_take(L);
    lua_pushcfunction(L, encode_message);
    lua_pushlightuserdata(L, e);
    for (int i = 0; i < count; i++) lua_pushvalue(L, first + i);
    encoder_open(e, L, to);
    e->shares = shares;
    e->functions = functions;
    int status = lua_pcall(L, count + 1, 1, 0);
    encoder_close(e);
    if (status != 0) {
        to->end = to->start + e->base;
        lua_error(L);
    }
    lua_remove(L, -2);
}

void codec_encode(lua_State *L, int first, int count, Buffer *to) {
    encode(L, first, count, to, false, false);
    lua_pop(L, 1);
}

void codec_encode_shared(lua_State *L, int first, int count, Buffer *to) {
    encode(L, first, count, to, true, false);
}

void codec_encode_trusted(lua_State *L, int first, int count, Buffer *to) {
    encode(L, first, count, to, true, true);
}

void codec_encode_functions(lua_State *L, int first, int count, Buffer *to) {
    encode(L, first, count, to, false, true);
    lua_pop(L, 1);
}
