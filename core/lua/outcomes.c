#include "core/lua/outcomes.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/lua/bytes.h"
#include "core/lua/calls.h"
#include "core/lua/codec.h"
#include "core/lua/growth.h"
#include "core/lua/interrupt.h"
#include "core/lua/outcome.h"
#include "core/os/clock.h"
#include "core/wire/buffer.h"
#include "core/wire/bundle.h"

typedef struct Reading Reading;

// What becomes of the values on top of the stack, the result of the item at place r->last.
typedef void Keep(Reading *r, int values);

struct Reading {
    lua_State *L;
    Keep *keep;
    const char *at, *end;
    lua_Integer offset;  // in the list of results
    lua_Integer last;    // the place read last
    lua_Integer settled; // places known before
    lua_Integer count;   // items in the chunk
    lua_Integer shared;  // how many of the shared objects belong to outcomes before
    // Of core.settle:
    lua_Integer ended; // results that have ended here
    uint64_t now;
    const uint64_t *began; // for each item
};

// The arguments of both functions, and the results of their run.
enum {
    BYTES = 1,
    RESULTS,
    OFFSET,
    SETTLED,
    COUNT,
    PARCEL,
    FAILURES,
    ELAPSED,
    PRINTED,
    BEGAN,
    OTHERS
};

// Further ones of core.settle: arguments, and the names of an AsyncResult's fields.
enum { WORKER = OTHERS + 1, CALLS, VALUE, VALUES, WORKER_NAME, ELAPSED_NAME, ATTENDED };

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

// Pushes a list of the next so many shared objects.
static void take_parcel(Reading *r, uint64_t count) {
    lua_State *L = r->L;
    if (!lua_istable(L, PARCEL) || count > BUNDLE_MOST)
        damaged(r, "shared objects did not come with them");
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 1; i <= (lua_Integer)count; i++) {
        lua_rawgeti(L, PARCEL, ++r->shared);
        lua_rawseti(L, -2, i);
    }
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

static void keep_value(Reading *r, int values) {
    if (values != 1) damaged(r, "more results than one");
    lua_rawseti(r->L, RESULTS, r->offset + r->last);
}

static void keep_packed(Reading *r, int values) {
    pack(r->L, values);
    lua_rawseti(r->L, RESULTS, r->offset + r->last);
}

// What is on top goes to the place of the item at hand in a list that is made when it is needed.
static void list(Reading *r, int index) {
    lua_State *L = r->L;
    if (lua_isnil(L, index)) {
        lua_newtable(L);
        lua_replace(L, index);
    }
    lua_rawseti(L, index, r->last);
}

// The `values` on top are the result.
static void set_result(Reading *r, int values) {
    if (r->last > r->settled)
        r->keep(r, values);
    else
        lua_pop(r->L, values);
}

static void take_result(Reading *r, int tag) {
    set_result(r, push_values(r, tag));
}

// With the account on top.
static void set_failure(Reading *r) {
    lua_State *L = r->L;
    if (r->last <= r->settled) return lua_pop(L, 1);
    list(r, FAILURES);
}

// ---- results that wait to be told ----------------------------------------

// With an AsyncResult on top: is anybody to be told of its end?
static bool is_attended(lua_State *L) {
    lua_pushvalue(L, ATTENDED);
    bool attended = lua_rawget(L, -2) != LUA_TNIL;
    lua_pop(L, 1);
    return attended;
}

// Sets a field of the table below it to what is on top, by the index of its name.
static void set_named(lua_State *L, int name) {
    lua_pushvalue(L, name);
    lua_insert(L, -2);
    lua_rawset(L, -3);
}

// With an AsyncResult on top, and the values from `first` on below it: they become its own.
static void set_values(lua_State *L, int first, int values) {
    if (values == 1 && !lua_isnil(L, first)) {
        lua_pushvalue(L, VALUE);
        lua_pushvalue(L, first);
        return lua_rawset(L, -3);
    }
    lua_insert(L, first);
    pack(L, values);
    set_named(L, VALUES);
}

static double seconds_since_call(const Reading *r) {
    return (double)(r->now - r->began[r->last - 1]) / 1e9;
}

static void end_result(Reading *r, int first, int values) {
    lua_State *L = r->L;
    set_values(L, first, values);
    lua_pushvalue(L, WORKER_NAME);
    lua_pushvalue(L, WORKER);
    lua_rawset(L, -3);
    lua_pushvalue(L, ELAPSED_NAME);
    lua_pushnumber(L, seconds_since_call(r));
    lua_rawset(L, -3);
    lua_pushnil(L);
    lua_rawseti(L, RESULTS, r->offset + r->last);
    r->ended++;
}

// One that nobody waits for any more is dropped; one that is attended is left to Lua. There may be
// a million: the values stay where they are.
static void settle(Reading *r, int values) {
    lua_State *L = r->L;
    int first = lua_gettop(L) - values + 1;
    bool waits = lua_rawgeti(L, RESULTS, r->offset + r->last) == LUA_TTABLE;
    if (waits && is_attended(L)) {
        lua_pop(L, 1);
        pack(L, values);
        list(r, OTHERS);
    } else if (waits) {
        end_result(r, first, values);
    }
    lua_settop(L, first - 1);
}

static void take_failure(Reading *r) {
    if (push_message(r) != 1 || !lua_istable(r->L, -1)) damaged(r, "a failure without an account");
    set_failure(r);
}

typedef struct {
    const char *bytes;
    size_t size;
} Message;

static Message take_message(Reading *r) {
    size_t size = take_varint(r);
    return (Message){.bytes = take(r, size), .size = size};
}

// decode(message, parcel): the values
static int decode(lua_State *L) {
    const Message *message = lua_touserdata(L, 1);
    if (lua_istable(L, 2)) return codec_decode_shared(L, message->bytes, message->size, 2);
    return codec_decode(L, message->bytes, message->size);
}

// With decode, the message and its parcel or nil on top. What cannot be made of it here is the
// failure of this item alone: a type may be unknown, or its `load` raise, or no more files be open.
static void take_decoded(Reading *r) {
    lua_State *L = r->L;
    int top = lua_gettop(L) - 3;
    unsigned interrupts = interrupt_count();
    if (lua_pcall(L, 2, LUA_MULTRET, 0) == 0) return set_result(r, lua_gettop(L) - top);
    if (interrupt_count() != interrupts) lua_error(L);
    lua_createtable(L, 0, 2);
    lua_pushliteral(L, "unsendable");
    lua_setfield(L, -2, "kind");
    luaL_tolstring(L, -2, NULL);
    lua_setfield(L, -2, "message");
    lua_remove(L, -2);
    set_failure(r);
}

static void take_values(Reading *r) {
    Message message = take_message(r);
    lua_pushcfunction(r->L, decode);
    lua_pushlightuserdata(r->L, &message);
    lua_pushnil(r->L);
    take_decoded(r);
}

static void take_shared(Reading *r) {
    uint64_t count = take_varint(r);
    Message message = take_message(r);
    lua_pushcfunction(r->L, decode);
    lua_pushlightuserdata(r->L, &message);
    take_parcel(r, count);
    take_decoded(r);
}

// ---- what it printed, and when it began ----------------------------------

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

static void make_list(lua_State *L, int index) {
    if (!lua_isnil(L, index)) return;
    lua_newtable(L);
    lua_replace(L, index);
}

static void take_printed(Reading *r) {
    lua_State *L = r->L;
    uint64_t size = take_varint(r);
    const char *bytes = take(r, size);
    if (r->last < r->settled) return;
    make_list(L, PRINTED);
    push_printed(r, bytes, bytes + size);
    lua_rawseti(L, PRINTED, (lua_Integer)lua_rawlen(L, PRINTED) + 1);
}

static void take_beginning(Reading *r) {
    lua_State *L = r->L;
    double time = take_float(r);
    make_list(L, BEGAN);
    lua_pushnumber(L, time);
    lua_rawseti(L, BEGAN, r->last + 1); // of the item whose outcome is next
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
    if (tag == OUTCOME_VALUES) return take_values(r);
    if (tag == OUTCOME_SHARED) return take_shared(r);
    take_result(r, tag);
}

static Reading check_reading(lua_State *L) {
    size_t size;
    const char *bytes = bytes_check(L, BYTES, &size);
    luaL_checktype(L, RESULTS, LUA_TTABLE);
    return (Reading){.L = L,
                     .at = bytes,
                     .end = bytes + size,
                     .last = -1,
                     .offset = luaL_checkinteger(L, OFFSET),
                     .settled = luaL_checkinteger(L, SETTLED),
                     .count = luaL_checkinteger(L, COUNT)};
}

// Pushes last, failures, elapsed.
static void take_all(Reading *r) {
    lua_State *L = r->L;
    while (r->at < r->end) take_one(r);
    bytes_release(L, BYTES);
    lua_pushinteger(L, r->last > r->settled ? r->last : r->settled);
    lua_pushvalue(L, FAILURES);
    lua_pushvalue(L, ELAPSED);
}

static void push_reports(lua_State *L) {
    lua_pushvalue(L, PRINTED);
    lua_pushvalue(L, BEGAN);
}

static int read_outcomes(lua_State *L) {
    Reading r = check_reading(L);
    r.keep = lua_toboolean(L, PARCEL + 1) ? keep_packed : keep_value;
    lua_settop(L, PARCEL);
    lua_settop(L, BEGAN);
    take_all(&r);
    push_reports(L);
    return 5;
}

static void push_names(lua_State *L) {
    lua_pushliteral(L, "value");
    lua_pushliteral(L, "values");
    lua_pushliteral(L, "worker");
    lua_pushliteral(L, "elapsed");
    lua_pushliteral(L, "attended");
}

static int read_to_settle(lua_State *L) {
    Reading r = check_reading(L);
    size_t calls;
    luaL_checkinteger(L, PARCEL + 1);
    r.began = calls_began(L, PARCEL + 2, &calls);
    luaL_argcheck(L, r.count <= (lua_Integer)calls, COUNT, "more items than calls");
    r.keep = settle;
    r.now = clock_now();
    lua_settop(L, PARCEL + 2);
    for (int i = FAILURES; i <= OTHERS; i++) { // before worker and calls
        lua_pushnil(L);
        lua_insert(L, i);
    }
    push_names(L);
    take_all(&r);
    lua_pushinteger(L, r.ended);
    lua_pushvalue(L, OTHERS);
    push_reports(L);
    return 7;
}

static int read_by(lua_State *L, lua_CFunction function) {
    size_t size;
    bytes_check(L, BYTES, &size);
    return size < GROWTH_LEAST ? function(L) : growth_of(L, function);
}

static int core_outcomes(lua_State *L) {
    return read_by(L, read_outcomes);
}

static int core_settle(lua_State *L) {
    return read_by(L, read_to_settle);
}

void outcomes_register(lua_State *L) {
    lua_pushcfunction(L, core_outcomes);
    lua_setfield(L, -2, "outcomes");
    lua_pushcfunction(L, core_settle);
    lua_setfield(L, -2, "settle");
}
