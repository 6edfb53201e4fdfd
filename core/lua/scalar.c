#include "core/lua/scalar.h"

#include <math.h>
#include <stdio.h>

const Ctype *scalar_check_type(lua_State *L, int arg) {
    const char *name = luaL_checkstring(L, arg);
    const Ctype *type = ctype_named(name);
    if (!type) {
        lua_pushfstring(L, "unknown ctype '%s': one of " CTYPE_NAMES, name);
        luaL_argerror(L, arg, lua_tostring(L, -1));
    }
    return type;
}

// ---- from Lua

static bool take_real(lua_State *L, int index, const Ctype *type, Scalar *scalar) {
    double n = lua_tonumber(L, index);
    scalar->real = type->size == sizeof(float) ? (double)(float)n : n;
    return isinf(n) || !isinf(scalar->real);
}

// What is no integer of Lua may still be whole. -0.0 becomes 0.
static bool take_float(double n, const Ctype *type, Scalar *scalar) {
    if (n != floor(n) || n < (double)type->least || n >= 0x1p64) return false;
    if (type->kind == CTYPE_WHOLE && n >= 0x1p63) return false;
    if (type->kind == CTYPE_WHOLE)
        scalar->whole = (int64_t)n;
    else
        scalar->natural = (uint64_t)n;
    return true;
}

static bool take_integer(lua_State *L, int index, const Ctype *type, Scalar *scalar) {
    if (!lua_isinteger(L, index)) {
        if (!take_float(lua_tonumber(L, index), type, scalar)) return false;
    } else {
        scalar->whole = lua_tointeger(L, index);
        if (scalar->whole < type->least) return false;
    }
    bool is_negative = type->kind == CTYPE_WHOLE && scalar->whole < 0;
    return is_negative || scalar->natural <= type->most;
}

bool scalar_take(lua_State *L, int index, const Ctype *type, Scalar *scalar) {
    int wanted = type->kind == CTYPE_TRUTH ? LUA_TBOOLEAN : LUA_TNUMBER;
    if (lua_type(L, index) != wanted) return false;
    switch (type->kind) {
    case CTYPE_TRUTH: scalar->natural = lua_toboolean(L, index); return true;
    case CTYPE_REAL: return take_real(L, index, type, scalar);
    default: return take_integer(L, index, type, scalar);
    }
}

const char *scalar_refusal(lua_State *L, int index, const Ctype *type) {
    bool is_number = lua_type(L, index) == LUA_TNUMBER;
    if (type->kind == CTYPE_TRUTH || !is_number) {
        const char *wanted = type->kind == CTYPE_TRUTH ? "boolean" : "number";
        return lua_pushfstring(L, "%s expected, got %s", wanted, luaL_typename(L, index));
    }
    const char *number = luaL_tolstring(L, index, NULL);
    if (type->kind == CTYPE_REAL) return lua_pushfstring(L, "%s does not fit f32", number);
    char range[64];
    snprintf(range, sizeof range, "%lld to %llu", (long long)type->least,
             (unsigned long long)type->most);
    return lua_pushfstring(L, "%s does not fit %s (whole numbers, %s)", number, type->name, range);
}

Scalar scalar_check(lua_State *L, int arg, const Ctype *type) {
    Scalar scalar;
    if (!scalar_take(L, arg, type, &scalar)) luaL_argerror(L, arg, scalar_refusal(L, arg, type));
    return scalar;
}

// ---- to Lua

void scalar_push(lua_State *L, const Ctype *type, Scalar scalar) {
    switch (type->kind) {
    case CTYPE_TRUTH: return lua_pushboolean(L, scalar.natural != 0);
    case CTYPE_REAL: return lua_pushnumber(L, scalar.real);
    case CTYPE_WHOLE: return lua_pushinteger(L, scalar.whole);
    default:
        if (scalar.natural <= INT64_MAX) return lua_pushinteger(L, scalar.whole);
        lua_pushnumber(L, (lua_Number)scalar.natural);
    }
}

void scalar_push_sum(lua_State *L, Elements elements) {
    if (elements.type->kind == CTYPE_REAL) return lua_pushnumber(L, elements_sum(elements));
    Total total = elements_total(elements);
    if (total.high == (int64_t)total.low >> 63) return lua_pushinteger(L, (int64_t)total.low);
    lua_pushnumber(L, (lua_Number)total.high * 0x1p64 + (lua_Number)total.low);
}
