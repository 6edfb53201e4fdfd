/* Encoder of blocks - lists of nothing but integers, or nothing but floats. */
#include "core/lua/encoder.h"

// Copies the items to `to`, *widest becoming a number as wide as any of them.
// True with the last key on the stack when all are integers.
static bool copy_integers(lua_State *L, int table, size_t items, char *to, int64_t *widest) {
    int64_t bits = 0;
    for (size_t i = 1; i <= items; i++) {
        if (!next_is(L, table, i) || !lua_isinteger(L, -1)) return false;
        int64_t n = lua_tointeger(L, -1);
        bits |= n ^ (n >> 63);
        memcpy(to + (i - 1) * sizeof n, &n, sizeof n);
        lua_pop(L, 1);
    }
    *widest = bits;
    return true;
}

static bool copy_floats(lua_State *L, int table, size_t items, char *to) {
    for (size_t i = 1; i <= items; i++) {
        if (!next_is(L, table, i)) return false;
        if (lua_type(L, -1) != LUA_TNUMBER || lua_isinteger(L, -1)) return false;
        double n = lua_tonumber(L, -1);
        memcpy(to + (i - 1) * sizeof n, &n, sizeof n);
        lua_pop(L, 1);
    }
    return true;
}

static int width_of(int64_t n) {
    return n <= INT8_MAX ? 1 : n <= INT16_MAX ? 2 : n <= INT32_MAX ? 4 : 8;
}

#define NARROW(type)                                                                               \
    for (size_t i = 0; i < items; i++) {                                                           \
        int64_t wide;                                                                              \
        memcpy(&wide, from + i * sizeof wide, sizeof wide);                                        \
        type narrow = (type)wide;                                                                  \
        memcpy(to + i * sizeof narrow, &narrow, sizeof narrow);                                    \
    }

// Moves eight-byte integers to a place before them, in as many bytes as they need.
static void narrow(char *to, const char *from, size_t items, int width) {
    switch (width) {
    case 1: NARROW(int8_t) break;
    case 2: NARROW(int16_t) break;
    case 4: NARROW(int32_t) break;
    default: memmove(to, from, items * sizeof(int64_t));
    }
}

static bool encode_integers(Encoder *e, int table, size_t items) {
    lua_State *L = e->L;
    size_t list = here(e);
    char *to = room(e, 2 + VARINT_MAX + items * sizeof(int64_t));
    char *block = varint_write(to + 2, items);
    int64_t widest;
    lua_pushnil(L);
    if (!copy_integers(L, table, items, to + 2 + VARINT_MAX, &widest)) return false;
    int width = width_of(widest);
    to[0] = TAG_INTEGERS;
    to[1] = (char)width;
    narrow(block, to + 2 + VARINT_MAX, items, width);
    buffer_added(e->to, (size_t)(block - to) + items * (size_t)width);
    encode_rest(e, table, list);
    return true;
}

static bool encode_floats(Encoder *e, int table, size_t items) {
    lua_State *L = e->L;
    size_t list = here(e);
    char *to = room(e, 1 + VARINT_MAX + items * sizeof(double));
    char *block = varint_write(to + 1, items);
    lua_pushnil(L);
    if (!copy_floats(L, table, items, block)) return false;
    to[0] = TAG_FLOATS;
    buffer_added(e->to, (size_t)(block - to) + items * sizeof(double));
    encode_rest(e, table, list);
    return true;
}

bool encode_block(Encoder *e, int table, size_t items) {
    lua_State *L = e->L;
    int top = lua_gettop(L);
    bool number = lua_rawgeti(L, table, 1) == LUA_TNUMBER;
    bool integer = number && lua_isinteger(L, -1);
    lua_pop(L, 1);
    if (!number) return false;
    bool done = integer ? encode_integers(e, table, items) : encode_floats(e, table, items);
    lua_settop(L, top);
    return done;
}
