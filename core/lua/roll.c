#include "core/lua/roll.h"

#include "core/lua/calls.h"
#include "core/lua/core.h"
#include "core/os/owner.h"

typedef struct {
    Owner owner;
    Calls *calls;
    const void *followed; // a version, which the owner holds; NULL: none
    lua_Integer last;     // number
    lua_Integer before;   // the number that the first place comes after
    lua_Integer open;
} Roll;

enum { // upvalues of all functions
    ROLL = lua_upvalueindex(1),
    CALLS = lua_upvalueindex(2),
    RESULTS = lua_upvalueindex(3),
    CLASS = lua_upvalueindex(4),
    KNOWN = lua_upvalueindex(5),
    INDEX = lua_upvalueindex(6), // the name of that field
};

enum {
    FEW = 100000, // so many get room for all fields that they will have; millions may wait without
    FIELDS = 4,   // index, value, worker, elapsed
    FIELDS_WAITING = 2,
};

static Roll *this_roll(lua_State *L) {
    return lua_touserdata(L, ROLL);
}

// With an AsyncResult on top: it is that of the next number once that is opened, which cannot fail.
// Nothing here, nor in what reserves and adds, may run the collector: finalizers may submit tasks.
static void enlist(lua_State *L, Roll *roll) {
    lua_pushvalue(L, CLASS);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, INDEX);
    lua_pushinteger(L, roll->last + 1);
    lua_rawset(L, -3);
    if (roll->open == 0) roll->before = roll->last;
    lua_pushvalue(L, -1);
    lua_rawseti(L, RESULTS, roll->last + 1 - roll->before);
}

static void opened(Roll *roll) {
    roll->last++;
    roll->open++;
}

static bool is_followed(lua_State *L, const Roll *roll) {
    lua_pushvalue(L, 1);
    lua_rawget(L, KNOWN);
    const void *version = lua_topointer(L, -1);
    lua_pop(L, 1);
    return version && version == roll->followed;
}

// With an AsyncResult on top, and plain arguments.
static void add_plain(lua_State *L, Roll *roll, int first, int last) {
    calls_reserve(L, roll->calls, CALLS_PLAIN, 1);
    enlist(L, roll);
    calls_add_plain(L, roll->calls, first, last);
    opened(roll);
}

static int roll_submit(lua_State *L) {
    Roll *roll = this_roll(L);
    int last = lua_gettop(L);
    if (last == 0 || !is_followed(L, roll) || !calls_are_plain(L, 2, last) ||
        !owner_is_here(&roll->owner))
        return 0;
    lua_createtable(L, 0, roll->open < FEW ? FIELDS : FIELDS_WAITING);
    add_plain(L, roll, 2, last);
    return 1;
}

static int roll_add(lua_State *L) {
    int last = lua_gettop(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    if (!calls_are_plain(L, 2, last)) return 0;
    lua_pushvalue(L, 1);
    add_plain(L, this_roll(L), 2, last);
    return 1;
}

static int roll_add_call(lua_State *L) {
    Roll *roll = this_roll(L);
    const Calls *call = calls_check(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    lua_pushvalue(L, 1);
    calls_reserve(L, roll->calls, calls_room(call), 1);
    enlist(L, roll);
    calls_append(roll->calls, call);
    opened(roll);
    return 1;
}

static int roll_follow(lua_State *L) {
    this_roll(L)->followed = lua_topointer(L, 1);
    return 0;
}

static int roll_last(lua_State *L) {
    lua_pushinteger(L, this_roll(L)->last);
    return 1;
}

static int roll_open(lua_State *L) {
    lua_pushinteger(L, this_roll(L)->open);
    return 1;
}

static int roll_place(lua_State *L) {
    lua_pushinteger(L, luaL_checkinteger(L, 1) - this_roll(L)->before);
    return 1;
}

static int roll_close(lua_State *L) {
    this_roll(L)->open -= luaL_checkinteger(L, 1);
    return 0;
}

static int roll_gc(lua_State *L) {
    Roll *roll = lua_touserdata(L, 1);
    owner_free(&roll->owner);
    return 0;
}

static const luaL_Reg FUNCTIONS[] = {
    {"submit", roll_submit},     {"add", roll_add},
    {"add_call", roll_add_call}, {"follow", roll_follow},
    {"last", roll_last},         {"open", roll_open},
    {"place", roll_place},       {"close", roll_close},
    {"__gc", roll_gc},           {NULL, NULL},
};

static int core_roll(lua_State *L) {
    Calls *calls = calls_check(L, 1);
    for (int i = 2; i <= 4; i++) luaL_checktype(L, i, LUA_TTABLE);
    lua_settop(L, 4);
    Roll *roll = lua_newuserdatauv(L, sizeof *roll, 0);
    *roll = (Roll){.calls = calls};
    lua_insert(L, 1);
    lua_pushliteral(L, "index");
    core_own_class(L, "roll", FUNCTIONS, 5);
    roll->owner = owner_here();
    return 1;
}

void roll_register(lua_State *L) {
    lua_pushcfunction(L, core_roll);
    lua_setfield(L, -2, "roll");
}
