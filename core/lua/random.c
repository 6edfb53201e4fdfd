#include "core/lua/random.h"

#include <stdbool.h>
#include <stdint.h>

static const char RANDOM[] = "parallel.core.random";

enum { DISCARDED = 16 }; // the first numbers, in which the seed still shows

typedef struct {
    uint64_t state[4]; // xoshiro256**
} Random;

static uint64_t rotate(uint64_t x, int n) {
    return x << n | x >> (64 - n);
}

static uint64_t random_next(Random *random) {
    uint64_t *s = random->state, result = rotate(s[1] * 5, 7) * 9, shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

static double random_fraction(Random *random) {
    return (double)(random_next(random) >> 11) * 0x1p-53;
}

// From 0 to most, each as likely: what lies beyond is drawn again.
static uint64_t random_up_to(Random *random, uint64_t most) {
    uint64_t mask = most, drawn;
    for (int shift = 1; shift < 64; shift *= 2) mask |= mask >> shift;
    do drawn = random_next(random) & mask;
    while (drawn > most);
    return drawn;
}

static void random_seed(Random *random, uint64_t seed, uint64_t number) {
    *random = (Random){{seed, 0xff, number, 0}};
    for (int i = 0; i < DISCARDED; i++) random_next(random);
}

static lua_Integer check_whole(lua_State *L, int index) {
    luaL_argcheck(L, lua_isinteger(L, index), index, "a whole number is needed");
    return lua_tointeger(L, index);
}

static int core_random_stream(lua_State *L) {
    lua_Integer seed = check_whole(L, 1), number = check_whole(L, 2);
    Random *random = lua_newuserdatauv(L, sizeof *random, 0);
    random_seed(random, (uint64_t)seed, (uint64_t)number);
    luaL_setmetatable(L, RANDOM);
    return 1;
}

static int random_call(lua_State *L) {
    Random *random = luaL_checkudata(L, 1, RANDOM);
    if (lua_isnoneornil(L, 2)) {
        lua_pushnumber(L, random_fraction(random));
        return 1;
    }
    bool between = !lua_isnoneornil(L, 3);
    lua_Integer low = between ? check_whole(L, 2) : 1, high = check_whole(L, between ? 3 : 2);
    luaL_argcheck(L, low <= high, between ? 3 : 2, "interval is empty");
    uint64_t number = (uint64_t)low + random_up_to(random, (uint64_t)high - (uint64_t)low);
    lua_pushinteger(L, (lua_Integer)number);
    return 1;
}

void random_register(lua_State *L) {
    luaL_newmetatable(L, RANDOM);
    lua_pushcfunction(L, random_call);
    lua_setfield(L, -2, "__call");
    lua_pop(L, 1);
    lua_pushcfunction(L, core_random_stream);
    lua_setfield(L, -2, "random_stream");
}
