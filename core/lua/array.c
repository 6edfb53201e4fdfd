#include "core/lua/array.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/lua/blame.h"
#include "core/lua/core.h"
#include "core/lua/scalar.h"
#include "core/lua/shared.h"
#include "core/lua/sync.h"
#include "core/os/descriptor.h"
#include "core/os/memory.h"
#include "core/typed/elements.h"

static const char ARRAY[] = "parallel.array", SLICE[] = "parallel.slice";
static const char ORIGINS; // the key in the registry of a table: a slice leads to its array

// The memory of an array begins with this; its elements are FIRST bytes from the start.
typedef struct {
    uint32_t type; // Ctype.number
    uint64_t count;
} Header;

enum { FIRST = 64, BLOCK = 512 };

typedef struct Array {
    Sync sync;            // closed in a slice
    Segment kept;         // closed for users, but FFI may point into it
    struct Array *origin; // what a slice was cut from, and ORIGINS keeps alive; else itself
    const Ctype *type;
    size_t start; // elements of the origin before its own
    size_t count;
    bool is_pointed_at;
} Array;

// ---- making

static Array *array_push(lua_State *L, const char *type) {
    Array *array = sync_push(L, type, sizeof *array);
    array->kept = SEGMENT_CLOSED;
    array->origin = array;
    return array;
}

static int refuse_size(lua_State *L, size_t bytes) {
    const char *why = strerror(errno);
    char text[32];
    snprintf(text, sizeof text, bytes < 1000000 ? "%.0f" : "%.1e", (double)bytes);
    return luaL_error(L, "cannot share %s bytes: %s", text, why);
}

// Pushes an array of zeros.
static Array *array_make(lua_State *L, const Ctype *type, size_t count) {
    Array *array = array_push(L, ARRAY);
    size_t bytes = FIRST + count * type->size;
    Segment *segment = &array->sync.segment;
    array->type = type;
    array->count = count;
    if (segment_make(segment, "array", bytes) == -1) refuse_size(L, bytes);
    if (memory_reserve(segment->fd, bytes) == -1) refuse_size(L, bytes);
    *(Header *)segment->bytes = (Header){.type = type->number, .count = count};
    shared_enter(L, -1);
    return array;
}

static int attach(lua_State *L, int fd) {
    Array *array = array_push(L, ARRAY);
    if (sync_attach(L, &array->sync, fd, FIRST) == -1) return -1;
    const Segment *segment = &array->sync.segment;
    Header header = *(Header *)segment->bytes;
    array->type = ctype_numbered(header.type);
    array->count = header.count;
    if (array->type && header.count <= (segment->size - FIRST) / array->type->size) return 0;
    sync_detach(L, &array->sync);
    return -1;
}

// ---- arguments

static Array *check_open(lua_State *L, Array *array) {
    if (!array->origin->sync.segment.bytes) blame(L, "attempt to use a closed array");
    return array;
}

static Array *check(lua_State *L) {
    Array *array = luaL_testudata(L, 1, ARRAY);
    if (!array) array = luaL_testudata(L, 1, SLICE);
    if (!array) array = luaL_checkudata(L, 1, ARRAY);
    return check_open(L, array);
}

// The same where the metatable that is wanted is an upvalue, which is found sooner. Leaves
// something on the stack.
static Array *check_indexed(lua_State *L) {
    if (!lua_getmetatable(L, 1) || !lua_rawequal(L, -1, lua_upvalueindex(1))) return check(L);
    return check_open(L, lua_touserdata(L, 1));
}

static char *element(const Array *array, size_t number) {
    char *first = (char *)array->origin->sync.segment.bytes + FIRST;
    return first + (array->start + number) * array->type->size;
}

static Elements elements_of(const Array *array) {
    return (Elements){.type = array->type, .first = element(array, 0), .count = array->count};
}

static int refuse_index(lua_State *L, const Array *array, int index) {
    char array_of[64];
    snprintf(array_of, sizeof array_of, "%zu %s", array->count, array->type->name);
    const char *number = luaL_tolstring(L, index, NULL);
    return luaL_error(L, "index %s is outside of the array of %s (from 1)", number, array_of);
}

// The number from 0 of the element whose index stands there: of one of them, or, with `more`
// being 1, also the place behind the last.
static size_t check_index(lua_State *L, const Array *array, int index, size_t more) {
    lua_Number i = lua_tonumber(L, index);
    if (i != floor(i)) luaL_error(L, "index %s is no whole number", luaL_tolstring(L, index, NULL));
    if (i < 1 || i > (lua_Number)(array->count + more)) refuse_index(L, array, index);
    return (size_t)i - 1;
}

// The same of an argument of a method, `missing` when it was left out.
static size_t opt_index(lua_State *L, const Array *array, int arg, size_t missing, size_t more) {
    if (lua_isnoneornil(L, arg)) return missing;
    luaL_checktype(L, arg, LUA_TNUMBER);
    return check_index(L, array, arg, more);
}

// Raises unless so many elements follow, beginning with the one of this number.
static void check_count(lua_State *L, const Array *array, size_t first, size_t count) {
    if (count <= array->count - first) return;
    char text[128];
    snprintf(text, sizeof text, "elements %zu to %zu are not all in the array of %zu %s", first + 1,
             first + count, array->count, array->type->name);
    luaL_error(L, "%s", text);
}

// ---- one element

static int array_index(lua_State *L) {
    if (lua_type(L, 2) != LUA_TNUMBER) {
        lua_settop(L, 2);
        lua_rawget(L, lua_upvalueindex(1));
        return 1;
    }
    const Array *array = check_indexed(L);
    Scalar scalar;
    ctype_read(array->type, &scalar, element(array, check_index(L, array, 2, 0)), 1);
    scalar_push(L, array->type, scalar);
    return 1;
}

static void refuse_element(lua_State *L, const Array *array, size_t number, int index) {
    const char *why = scalar_refusal(L, index, array->type);
    lua_pushinteger(L, (lua_Integer)number + 1);
    luaL_error(L, "cannot set element %s: %s", lua_tostring(L, -1), why);
}

static int array_newindex(lua_State *L) {
    const Array *array = check_indexed(L);
    if (lua_type(L, 2) != LUA_TNUMBER)
        luaL_error(L, "an array has no field '%s'", luaL_tolstring(L, 2, NULL));
    size_t number = check_index(L, array, 2, 0);
    Scalar scalar;
    if (!scalar_take(L, 3, array->type, &scalar)) refuse_element(L, array, number, 3);
    ctype_write(array->type, element(array, number), &scalar, 1);
    return 0;
}

static int array_count(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)check(L)->count);
    return 1;
}

// ---- many elements

static int push_list(lua_State *L, const Array *array, size_t first, size_t count) {
    luaL_argcheck(L, count <= INT_MAX, 1, "too many elements for a list");
    lua_createtable(L, (int)count, 0);
    Scalar block[BLOCK];
    for (size_t done = 0; done < count; done += BLOCK) {
        size_t part = count - done < BLOCK ? count - done : BLOCK;
        ctype_read(array->type, block, element(array, first + done), part);
        for (size_t i = 0; i < part; i++) {
            scalar_push(L, array->type, block[i]);
            lua_rawseti(L, -2, (lua_Integer)done + (lua_Integer)i + 1);
        }
    }
    return 1;
}

static int array_method_get(lua_State *L) {
    const Array *array = check(L);
    size_t first = opt_index(L, array, 2, 0, 1), count = array->count - first;
    if (!lua_isnoneornil(L, 3)) {
        lua_Integer wanted = sync_whole(L, 3, 0);
        luaL_argcheck(L, wanted >= 0, 3, "how many cannot be negative");
        check_count(L, array, first, (size_t)wanted);
        count = (size_t)wanted;
    }
    return push_list(L, array, first, count);
}

static int array_method_to_table(lua_State *L) {
    const Array *array = check(L);
    return push_list(L, array, 0, array->count);
}

// All are looked at before the first is written.
static void set_list(lua_State *L, const Array *array, size_t first, int list, size_t count) {
    Scalar scalar;
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < count; i++) {
            lua_rawgeti(L, list, (lua_Integer)i + 1);
            if (!scalar_take(L, -1, array->type, &scalar))
                refuse_element(L, array, first + i, lua_gettop(L));
            if (pass == 1) ctype_write(array->type, element(array, first + i), &scalar, 1);
            lua_pop(L, 1);
        }
    }
}

static int array_method_set(lua_State *L) {
    const Array *array = check(L);
    luaL_checktype(L, 2, LUA_TNUMBER);
    luaL_checktype(L, 3, LUA_TTABLE);
    size_t first = check_index(L, array, 2, 1), count = lua_rawlen(L, 3);
    check_count(L, array, first, count);
    set_list(L, array, first, 3, count);
    return 0;
}

static int array_method_fill(lua_State *L) {
    const Array *array = check(L);
    elements_fill(elements_of(array), scalar_check(L, 2, array->type));
    return 0;
}

static int array_method_sum(lua_State *L) {
    scalar_push_sum(L, elements_of(check(L)));
    return 1;
}

static int push_best(lua_State *L, Scalar (*best)(Elements)) {
    const Array *array = check(L);
    if (array->count)
        scalar_push(L, array->type, best(elements_of(array)));
    else
        lua_pushnil(L);
    return 1;
}

static int array_method_min(lua_State *L) {
    return push_best(L, elements_least);
}

static int array_method_max(lua_State *L) {
    return push_best(L, elements_greatest);
}

static int array_method_to_string(lua_State *L) {
    const Array *array = check(L);
    lua_pushlstring(L, element(array, 0), array->count * array->type->size);
    return 1;
}

// ---- other arrays

static int core_array(lua_State *L) {
    const Ctype *type = scalar_check_type(L, 1);
    if (lua_type(L, 2) == LUA_TTABLE) {
        size_t count = lua_rawlen(L, 2);
        set_list(L, array_make(L, type, count), 0, 2, count);
        return 1;
    }
    luaL_argcheck(L, lua_type(L, 2) == LUA_TNUMBER, 2, "a number of elements or a list expected");
    lua_Integer count = sync_whole(L, 2, 0);
    luaL_argcheck(L, count >= 0, 2, "a number of elements cannot be negative");
    array_make(L, type, (size_t)count);
    return 1;
}

static int array_method_copy(lua_State *L) {
    const Array *array = check(L);
    const Array *copy = array_make(L, array->type, array->count);
    memcpy(element(copy, 0), element(array, 0), array->count * array->type->size);
    return 1;
}

// Pushes the table of this name that weakly refers to its keys.
static void push_origins(lua_State *L) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &ORIGINS) == LUA_TTABLE) return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ORIGINS);
}

// Pushes the array that the first argument is, or was cut from.
static void push_origin(lua_State *L, const Array *array) {
    lua_pushvalue(L, 1);
    if (array->origin == array) return;
    push_origins(L);
    lua_insert(L, -2);
    lua_rawget(L, -2);
    lua_remove(L, -2);
}

static int array_method_slice(lua_State *L) {
    const Array *array = check(L);
    size_t first = opt_index(L, array, 2, 0, 1);
    size_t last = array->count;
    if (!lua_isnoneornil(L, 3)) last = (size_t)sync_whole(L, 3, 0);
    if (last < first || last > array->count) refuse_index(L, array, 3);
    lua_settop(L, 1);
    Array *slice = array_push(L, SLICE);
    push_origins(L);
    lua_pushvalue(L, 2);
    push_origin(L, array);
    lua_rawset(L, 3);
    lua_settop(L, 2);
    *slice = (Array){.sync = slice->sync,
                     .kept = SEGMENT_CLOSED,
                     .origin = array->origin,
                     .type = array->type,
                     .start = array->start + first,
                     .count = last - first};
    return 1;
}

static int array_method_origin(lua_State *L) {
    const Array *array = check(L);
    push_origin(L, array);
    lua_pushinteger(L, (lua_Integer)array->start + 1);
    lua_pushinteger(L, (lua_Integer)array->start + (lua_Integer)array->count);
    return 3;
}

static int array_method_address(lua_State *L) {
    const Array *array = check(L);
    array->origin->is_pointed_at = true;
    lua_pushlightuserdata(L, element(array, 0));
    lua_pushstring(L, array->type->name);
    lua_pushinteger(L, (lua_Integer)array->count);
    return 3;
}

// ---- the end

static int array_method_close(lua_State *L) {
    Array *array = luaL_testudata(L, 1, SLICE);
    if (array) return 0;
    array = luaL_checkudata(L, 1, ARRAY);
    if (!array->is_pointed_at || !array->sync.segment.bytes) return sync_close(L);
    shared_leave(L, array->sync.segment.fd);
    array->kept = array->sync.segment;
    array->sync.segment = SEGMENT_CLOSED;
    descriptor_close(&array->kept.fd);
    return 0;
}

static int array_gc(lua_State *L) {
    Array *array = lua_touserdata(L, 1);
    segment_close(&array->kept);
    return sync_close(L);
}

static int array_tostring(lua_State *L) {
    const Array *array = lua_touserdata(L, 1);
    lua_pushinteger(L, (lua_Integer)array->count);
    lua_pushfstring(L, "array of %s %s", lua_tostring(L, -1), array->type->name);
    return 1;
}

static const luaL_Reg METHODS[] = {
    {"count", array_count},
    {"__len", array_count},
    {"get", array_method_get},
    {"set", array_method_set},
    {"fill", array_method_fill},
    {"sum", array_method_sum},
    {"min", array_method_min},
    {"max", array_method_max},
    {"copy", array_method_copy},
    {"slice", array_method_slice},
    {"to_table", array_method_to_table},
    {"to_string", array_method_to_string},
    {"origin", array_method_origin},
    {"address", array_method_address},
    {"close", array_method_close},
    {"__close", array_method_close},
    {"__tostring", array_tostring},
    {NULL, NULL},
};

static const SharedKind KIND = {
    .type = ARRAY, .noun = "an array", .attach = attach, .descriptor = sync_descriptor};

// Makes the metatable and leaves it on the stack; what is no index is a method.
static void push_class(lua_State *L, const char *type) {
    static const luaL_Reg ACCESS[] = {
        {"__index", array_index}, {"__newindex", array_newindex}, {NULL, NULL}};
    core_class(L, type, METHODS);
    luaL_getmetatable(L, type);
    lua_pushvalue(L, -1);
    luaL_setfuncs(L, ACCESS, 1);
}

void array_register(lua_State *L) {
    push_class(L, SLICE);
    lua_setfield(L, -2, "Slice");
    push_class(L, ARRAY);
    lua_pushcfunction(L, array_gc);
    lua_setfield(L, -2, "__gc");
    shared_kind(L, &KIND);
    lua_setfield(L, -2, "Array");
    lua_pushcfunction(L, core_array);
    lua_setfield(L, -2, "array");
}
