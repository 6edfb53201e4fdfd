#include "core/lua/shared_value.h"

#include <string.h>

#include "core/lua/core.h"
#include "core/lua/lock.h"
#include "core/lua/scalar.h"
#include "core/lua/shared.h"
#include "core/lua/sync.h"
#include "core/typed/cell.h"

static const char VALUE[] = "parallel.value";

// In shared memory; the type does not change.
typedef struct {
    Lock lock;
    Cell cell;
    uint32_t type; // Ctype.number
} Memory;

typedef struct {
    Sync sync;
    const Ctype *type;
} Value;

static int core_shared_value(lua_State *L) {
    const Ctype *type = scalar_check_type(L, 1);
    Scalar init = {0};
    if (!lua_isnoneornil(L, 2)) init = scalar_check(L, 2, type);
    Value *value = sync_push(L, VALUE, sizeof *value);
    value->type = type;
    sync_make(L, &value->sync, "value", sizeof(Memory));
    Memory *memory = value->sync.segment.bytes;
    memory->type = type->number;
    cell_set(&memory->cell, init);
    return 1;
}

static int attach(lua_State *L, int fd) {
    Value *value = sync_push(L, VALUE, sizeof *value);
    if (sync_attach(L, &value->sync, fd, sizeof(Memory)) == -1) return -1;
    const Memory *memory = value->sync.segment.bytes;
    value->type = ctype_numbered(memory->type);
    if (value->type) return 0;
    sync_detach(L, &value->sync);
    return -1;
}

static Cell *check(lua_State *L, const Ctype **type) {
    const Value *value = sync_check(L, VALUE, "value");
    *type = value->type;
    return &((Memory *)value->sync.segment.bytes)->cell;
}

static bool is_value_field(lua_State *L) {
    return lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), "value") == 0;
}

// Mostly it is a method that is looked for.
static int value_index(lua_State *L) {
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL || !is_value_field(L)) return 1;
    const Ctype *type;
    Cell *cell = check(L, &type);
    scalar_push(L, type, cell_get(cell));
    return 1;
}

static int value_newindex(lua_State *L) {
    const Ctype *type;
    Cell *cell = check(L, &type);
    if (!is_value_field(L)) luaL_error(L, "a value has no field '%s'", luaL_tolstring(L, 2, NULL));
    Scalar scalar;
    if (!scalar_take(L, 3, type, &scalar))
        luaL_error(L, "cannot set value: %s", scalar_refusal(L, 3, type));
    cell_set(cell, scalar);
    return 0;
}

// What is added to integers may be of any size: the sum wraps around.
static Scalar check_summand(lua_State *L, const Ctype *type) {
    if (type->kind == CTYPE_TRUTH) luaL_error(L, "nothing can be added to a bool");
    if (lua_isnoneornil(L, 2)) {
        lua_settop(L, 1);
        lua_pushinteger(L, 1);
    }
    return scalar_check(L, 2, ctype_of_summands(type));
}

static int value_method_add(lua_State *L) {
    const Ctype *type;
    Cell *cell = check(L, &type);
    scalar_push(L, type, cell_add(cell, type, check_summand(L, type)));
    return 1;
}

static int value_method_compare_and_set(lua_State *L) {
    const Ctype *type;
    Cell *cell = check(L, &type);
    Scalar old = scalar_check(L, 2, type), new = scalar_check(L, 3, type);
    lua_pushboolean(L, cell_compare_and_set(cell, type, old, new));
    return 1;
}

static const luaL_Reg METHODS[] = {
    {"add", value_method_add},
    {"compare_and_set", value_method_compare_and_set},
    {"__newindex", value_newindex},
    {"__gc", sync_close},
    {NULL, NULL},
};

static const SharedKind KIND = {
    .type = VALUE, .noun = "a value", .attach = attach, .descriptor = sync_descriptor};

void shared_value_register(lua_State *L) {
    core_class(L, VALUE, METHODS);
    shared_kind(L, &KIND);
    luaL_getmetatable(L, VALUE);
    lock_add_methods(L, VALUE, "value");
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, value_index, 1);
    lua_setfield(L, -2, "__index");
    lua_setfield(L, -2, "Value");
    lua_pushcfunction(L, core_shared_value);
    lua_setfield(L, -2, "shared_value");
}
