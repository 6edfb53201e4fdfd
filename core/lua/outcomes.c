#include "core/lua/outcomes.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/lua/codec.h"
#include "core/lua/outcome.h"
#include "core/wire/buffer.h"

typedef struct {
    lua_State *L;
    const char *at, *end;
    lua_Integer offset;  // in the list of results
    lua_Integer last;    // the place read last
    lua_Integer settled; // places known before
    lua_Integer count;   // items in the chunk
    bool packed;
} Reading;

enum { BYTES = 1, RESULTS, OFFSET, SETTLED, COUNT, PACKED, FAILURES, ELAPSED, PRINTED, BEGAN };

static void damaged(Reading *r, const char *reason) __attribute__((noreturn));

static void damaged(Reading *r, const char *reason) {
    luaL_error(r->L, "damaged outcomes: %s", reason);
}

static const char *take(Reading *r, size_t size) {
    if (size > (size_t)(r->end - r->at)) damaged(r, "they end too soon");
    const char *bytes = r->at;
    r->at += size;
    return bytes;
}

static uint64_t take_varint(Reading *r) {
    uint64_t n;
    if (!varint_read(&r->at, r->end, &n)) damaged(r, "a number is cut off or too large");
    return n;
}

static double take_float(Reading *r) {
    double n;
    memcpy(&n, take(r, sizeof n), sizeof n);
    return n;
}

// ---- results -------------------------------------------------------------

static void push_string(Reading *r, uint64_t size) {
    lua_pushlstring(r->L, take(r, size), size);
}

// Pushes the values of a message, and returns how many.
static int push_message(Reading *r) {
    uint64_t size = take_varint(r);
    const char *bytes = take(r, size);
    return codec_decode(r->L, bytes, size);
}

// Pushes what f returned; how many values that is.
static int push_values(Reading *r, int tag) {
    lua_State *L = r->L;
    if (tag & OUTCOME_SMALL_INTEGER) {
        lua_pushinteger(L, (tag & ~OUTCOME_SMALL_INTEGER) + OUTCOME_SMALL_LEAST);
        return 1;
    }
    if (tag & OUTCOME_SHORT_STRING) return push_string(r, tag & OUTCOME_LONGEST_SHORT), 1;
    switch (tag) {
    case OUTCOME_NIL: lua_pushnil(L); return 1;
    case OUTCOME_FALSE:
    case OUTCOME_TRUE: lua_pushboolean(L, tag == OUTCOME_TRUE); return 1;
    case OUTCOME_INTEGER: lua_pushinteger(L, (lua_Integer)unzigzag(take_varint(r))); return 1;
    case OUTCOME_FLOAT: lua_pushnumber(L, take_float(r)); return 1;
    case OUTCOME_STRING: push_string(r, take_varint(r)); return 1;
    case OUTCOME_VALUES: return push_message(r);
    default: damaged(r, "an outcome of no known kind");
    }
}

// The `count` values on top become a list with field n.
static void pack(lua_State *L, int count) {
    lua_createtable(L, count, 1);
    lua_insert(L, -count - 1);
    int list = lua_gettop(L) - count;
    for (int i = count; i >= 1; i--) lua_rawseti(L, list, i);
    lua_pushinteger(L, count);
    lua_setfield(L, list, "n");
}

static void take_result(Reading *r, int tag) {
    lua_State *L = r->L;
    int values = push_values(r, tag);
    if (r->packed)
        pack(L, values);
    else if (values != 1)
        damaged(r, "more results than one");
    if (r->last > r->settled)
        lua_rawseti(L, RESULTS, r->offset + r->last);
    else
        lua_pop(L, 1);
}

static void take_failure(Reading *r) {
    lua_State *L = r->L;
    if (push_message(r) != 1 || !lua_istable(L, -1)) damaged(r, "a failure without an account");
    if (r->last <= r->settled) return lua_pop(L, 1);
    if (lua_isnil(L, FAILURES)) {
        lua_newtable(L);
        lua_replace(L, FAILURES);
    }
    lua_rawseti(L, FAILURES, r->last);
}

// ---- what it printed -----------------------------------------------------

static void push_printed(Reading *r, const char *bytes, const char *end) {
    lua_State *L = r->L;
    uint64_t report, out;
    if (!varint_read(&bytes, end, &report) || !varint_read(&bytes, end, &out) ||
        out > (uint64_t)(end - bytes))
        damaged(r, "a report that is cut off");
    lua_createtable(L, 2, 2);
    lua_pushinteger(L, r->last + 1);
    lua_setfield(L, -2, "place");
    lua_pushinteger(L, (lua_Integer)report);
    lua_setfield(L, -2, "report");
    lua_pushlstring(L, bytes, out);
    lua_rawseti(L, -2, 1);
    lua_pushlstring(L, bytes + out, (size_t)(end - bytes) - out);
    lua_rawseti(L, -2, 2);
}

static void take_printed(Reading *r) {
    lua_State *L = r->L;
    uint64_t size = take_varint(r);
    const char *bytes = take(r, size);
    if (r->last < r->settled) return;
    if (lua_isnil(L, PRINTED)) {
        lua_newtable(L);
        lua_replace(L, PRINTED);
    }
    push_printed(r, bytes, bytes + size);
    lua_rawseti(L, PRINTED, (lua_Integer)lua_rawlen(L, PRINTED) + 1);
}

static void take_beginning(Reading *r) {
    lua_State *L = r->L;
    double time = take_float(r);
    if (lua_isnil(L, BEGAN)) {
        lua_newtable(L);
        lua_replace(L, BEGAN);
    }
    lua_pushnumber(L, time);
    lua_rawseti(L, BEGAN, r->last + 1);
}

// ---- the run -------------------------------------------------------------

// A run may begin again before what is known, never leave a gap behind it.
static void take_first(Reading *r) {
    uint64_t place = take_varint(r);
    if (r->last > r->settled) r->settled = r->last;
    if (place == 0 || place > (uint64_t)r->settled + 1) damaged(r, "a gap");
    r->last = (lua_Integer)place - 1;
}

static void take_end(Reading *r, int tag) {
    if (tag == OUTCOME_END && r->last != r->count) damaged(r, "an end before the last item");
    lua_pushnumber(r->L, take_float(r));
    lua_replace(r->L, ELAPSED);
}

static void take_one(Reading *r) {
    int tag = (unsigned char)*r->at++;
    if (tag == OUTCOME_FIRST) return take_first(r);
    if (tag == OUTCOME_END || tag == OUTCOME_LEFT) return take_end(r, tag);
    if (r->last == -1) damaged(r, "an outcome of no known item");
    if (tag == OUTCOME_PRINTED) return take_printed(r);
    if (tag == OUTCOME_BEGAN) return take_beginning(r);
    if (r->last++ == r->count) damaged(r, "more outcomes than items");
    if (tag == OUTCOME_FAILED) return take_failure(r);
    take_result(r, tag);
}

static int core_outcomes(lua_State *L) {
    size_t size;
    const char *bytes = luaL_checklstring(L, BYTES, &size);
    luaL_checktype(L, RESULTS, LUA_TTABLE);
    Reading r = {.L = L, .at = bytes, .end = bytes + size, .last = -1};
    r.offset = luaL_checkinteger(L, OFFSET);
    r.settled = luaL_checkinteger(L, SETTLED);
    r.count = luaL_checkinteger(L, COUNT);
    r.packed = lua_toboolean(L, PACKED);
    lua_settop(L, PACKED);
    lua_settop(L, BEGAN);
    while (r.at < r.end) take_one(&r);
    lua_pushinteger(L, r.last > r.settled ? r.last : r.settled);
    lua_insert(L, FAILURES);
    return 5;
}

void outcomes_register(lua_State *L) {
    lua_pushcfunction(L, core_outcomes);
    lua_setfield(L, -2, "outcomes");
}
