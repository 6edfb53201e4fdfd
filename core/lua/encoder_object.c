/* Encoder of objects - values of registered types, and such as say how they are made. */
#include "core/lua/encoder.h"
#include "core/lua/shared.h"
#include "core/lua/types.h"
#include "core/wire/bundle.h"

// What the object is made of is encoded between these two. It must be whole
// before the object is made, so what it puts off is not put off further than to
// its end. object_begin returns the floor for object_end to restore.
static int object_begin(Encoder *e, int object, size_t place) {
    // Two more: a table that is made of itself is not put off.
    if (e->depth + 2 >= DEEPEST) encoder_refuse(e, object, TOO_DEEP);
    e->making[e->makes++] = place;
    int floor = e->floor;
    e->floor = ++e->depth;
    return floor;
}

static void object_end(Encoder *e, size_t late, int floor) {
    encode_later(e, late);
    e->floor = floor;
    e->depth--;
    e->makes--;
}

static void encode_parts(Encoder *e, int object, size_t place, int first, int count) {
    size_t late = e->late;
    int floor = object_begin(e, object, place);
    for (int i = 0; i < count; i++) encode_value(e, first + i);
    object_end(e, late, floor);
}

static void put_type_name(Encoder *e, int tag, int type) {
    put_byte(e, tag);
    lua_rawgeti(e->L, type, TYPE_NAME);
    encode_string(e, lua_gettop(e->L));
    lua_pop(e->L, 1);
}

// An object of a type without dump: the table is itself what it is made of.
static void encode_made_of_itself(Encoder *e, int object, size_t place) {
    size_t late = e->late;
    int floor = object_begin(e, object, place);
    encode_plain(e, object);
    object_end(e, late, floor);
}

// The type has load, dump or both; dump is at the top of the stack, or nil.
static void encode_object(Encoder *e, int object, int type) {
    lua_State *L = e->L;
    size_t place = here(e);
    int dump = lua_gettop(L);
    put_type_name(e, TAG_OBJECT, type);
    if (lua_type(L, dump) == LUA_TNIL) return encode_made_of_itself(e, object, place);
    lua_pushvalue(L, object);
    lua_call(L, 1, 1);
    encoder_keep(e, dump, 1);
    encode_parts(e, object, place, dump, 1);
}

// A userdata without registered type whose metatable has __serialize, which
// returns a function and the arguments with which to call it over there.
static bool encode_call(Encoder *e, int object) {
    lua_State *L = e->L;
    int top = lua_gettop(L);
    if (!e->functions || !lua_getmetatable(L, object)) return false;
    lua_pushliteral(L, "__serialize");
    if (lua_rawget(L, top + 1) == LUA_TNIL) {
        lua_settop(L, top);
        return false;
    }
    size_t place = here(e);
    lua_pushvalue(L, object);
    lua_call(L, 1, LUA_MULTRET);
    int count = lua_gettop(L) - top - 1;
    luaL_checkstack(L, LUA_MINSTACK, "too many values to encode");
    if (count == 0 || lua_type(L, top + 2) != LUA_TFUNCTION)
        encoder_refuse(e, object, "whose __serialize returns no function " FOREIGN);
    encoder_keep(e, top + 2, count);
    put_tagged_varint(e, TAG_CALL, (uint64_t)count);
    encode_parts(e, object, place, top + 2, count);
    lua_settop(L, top);
    return true;
}

// Functions use it to make values of the type, and to tell them: a copy would do for neither.
bool encode_metatable(Encoder *e, int table) {
    if (!e->types || !types_push_by(e->L, table)) return false;
    put_type_name(e, TAG_METATABLE, lua_gettop(e->L));
    lua_pop(e->L, 1);
    if (encoder_is_deep(e))
        put_byte(e, TAG_NIL);
    else
        encode_plain(e, table);
    return true;
}

bool encode_typed(Encoder *e, int index) {
    if (!e->types) return false;
    lua_State *L = e->L;
    int top = lua_gettop(L);
    bool table = lua_type(L, index) == LUA_TTABLE;
    if (!types_push_of(L, index)) return false;
    luaL_checkstack(L, LUA_MINSTACK, "too many values to encode");
    lua_rawgeti(L, top + 1, TYPE_LOAD);
    lua_rawgeti(L, top + 1, TYPE_DUMP);
    bool loads = lua_type(L, top + 2) != LUA_TNIL, dumps = lua_type(L, top + 3) != LUA_TNIL;
    if (!table && !(loads && dumps))
        encoder_refuse(e, index, "whose type lacks dump or load " FOREIGN);
    if (loads || dumps) {
        encode_object(e, index, top + 1);
    } else {
        put_type_name(e, TAG_TYPED, top + 1);
        encode_plain(e, index);
    }
    lua_settop(L, top);
    return true;
}

// Where there is nothing that could carry descriptors, they are refused.
static bool encode_shared(Encoder *e, int index) {
    const SharedKind *kind = shared_kind_of(e->L, index);
    if (!kind) return false;
    if (kind->stays) encoder_refuse(e, index, FOREIGN);
    if (!e->shares) encoder_refuse(e, index, "cannot be sent this way");
    if (kind->descriptor(e->L, index) == -1) encoder_refuse(e, index, "that is closed " FOREIGN);
    if (e->handles == BUNDLE_MOST)
        encoder_refuse(e, index, "is one shared object too many: it " FOREIGN);
    put_byte(e, TAG_HANDLE);
    lua_pushstring(e->L, kind->type);
    encode_string(e, lua_gettop(e->L));
    lua_pop(e->L, 1);
    put_varint(e, encoder_share(e, index));
    return true;
}

void encode_userdata(Encoder *e, int index) {
    if (encoder_put_reference(e, lua_touserdata(e->L, index)) || encode_shared(e, index)) return;
    if (!encode_typed(e, index) && !encode_call(e, index)) encoder_refuse(e, index, FOREIGN);
}
