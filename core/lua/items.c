#include "core/lua/items.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/lua/bytes.h"
#include "core/lua/calls.h"
#include "core/lua/codec.h"
#include "core/lua/failed.h"
#include "core/lua/growth.h"
#include "core/lua/guard.h"
#include "core/lua/outcome.h"
#include "core/lua/parcel.h"
#include "core/lua/self.h"
#include "core/os/clock.h"
#include "core/os/fault.h"
#include "core/wire/bundle.h"

typedef enum { SHAPE_ONE, SHAPE_TUPLE, SHAPE_CALLS } Shape;

// One chunk under way. The stack of each function that is run under pcall here
// begins with it, as light userdata.
typedef struct {
    Self *self;
    Shape shape;
    lua_Integer at, count; // the running item, from 1
    lua_Integer first;     // the number of the first one
    // SHAPE_CALLS: what is left of the list, which is sound, and the running item's part of it
    const char *rest, *end, *message;
    uint64_t size;
} Items;

enum { ITEMS = 1, F, LIST, BEFORE, PARCEL, RESULTS }; // the stack of run_rest

// ---- the ledger ----------------------------------------------------------

static void check_sent(lua_State *L, int sent) {
    if (sent == -1) luaL_error(L, "not enough memory");
}

// The first outcome in an empty ledger is preceded by its place.
static void put_place(Items *items) {
    char *tail = ledger_tail(&items->self->ledger), *to = tail;
    *to++ = OUTCOME_FIRST;
    to = varint_write(to, (uint64_t)items->at);
    ledger_commit(&items->self->ledger, (size_t)(to - tail));
}

static void send_ledger(lua_State *L, Items *items) {
    Ledger *ledger = &items->self->ledger;
    Tail all = {.bytes = ledger->page->bytes, .size = ledger->size};
    check_sent(L, items->self->part(items->self, "", 0, all, NULL, 0));
    ledger_begin(ledger, ledger->task); // not before: what is not sent must be in it
}

// Where the next outcome goes; it fits any ledger that is empty.
static char *place_of(lua_State *L, Items *items, size_t size) {
    Ledger *ledger = &items->self->ledger;
    if (ledger->size > 0 && size > ledger_room(ledger)) send_ledger(L, items);
    if (ledger->size == 0) put_place(items);
    return ledger_tail(ledger);
}

// The same, or NULL when it is larger than any ledger; then what is in the
// ledger is sent, since it comes first.
static char *room(lua_State *L, Items *items, size_t size) {
    Ledger *ledger = &items->self->ledger;
    if (size + OUTCOME_SCALAR <= ledger->capacity) return place_of(L, items, size);
    if (ledger->size > 0) send_ledger(L, items);
    return NULL;
}

static void commit(Items *items, char *from, char *to) {
    ledger_commit(&items->self->ledger, (size_t)(to - from));
}

// An outcome that no ledger can hold is sent at once; `head`, up to its end `to`,
// is what precedes its bytes, less its size.
static int send_at_once(Items *items, const char *head, char *to, const char *bytes, size_t size,
                        const int *handles, size_t count) {
    to = varint_write(to, size);
    Tail tail = {.bytes = bytes, .size = size};
    return items->self->part(items->self, head, (size_t)(to - head), tail, handles, count);
}

static void send_large(lua_State *L, Items *items, OutcomeTag tag, const char *bytes, size_t size) {
    char head[2 * OUTCOME_SCALAR], *to = head;
    *to++ = OUTCOME_FIRST;
    to = varint_write(to, (uint64_t)items->at);
    *to++ = (char)tag;
    check_sent(L, send_at_once(items, head, to, bytes, size, NULL, 0));
}

// Memory carries no descriptors, so such an outcome is sent at once too. With its
// parcel on top.
static void send_shared(lua_State *L, Items *items, const Buffer *bytes) {
    int handles[BUNDLE_MOST];
    size_t count = parcel_descriptors(L, -1, handles);
    if (items->self->ledger.size > 0) send_ledger(L, items);
    char head[3 * OUTCOME_SCALAR], *to = head;
    *to++ = OUTCOME_FIRST;
    to = varint_write(to, (uint64_t)items->at);
    *to++ = OUTCOME_SHARED;
    to = varint_write(to, count);
    check_sent(
        L, send_at_once(items, head, to, buffer_bytes(bytes), buffer_size(bytes), handles, count));
}

static void put_bytes(lua_State *L, Items *items, OutcomeTag tag, const char *bytes, size_t size) {
    char *from = room(L, items, OUTCOME_SCALAR + size), *to = from;
    if (!from) return send_large(L, items, tag, bytes, size);
    *to++ = (char)tag;
    to = varint_write(to, size);
    memcpy(to, bytes, size);
    commit(items, from, to + size);
}

// ---- one outcome ---------------------------------------------------------

static void put_integer(lua_State *L, Items *items, lua_Integer n) {
    char *from = place_of(L, items, OUTCOME_SCALAR), *to = from;
    if (n >= OUTCOME_SMALL_LEAST && n <= OUTCOME_SMALL_MOST) {
        *to++ = (char)(OUTCOME_SMALL_INTEGER | (int)(n - OUTCOME_SMALL_LEAST));
    } else {
        *to++ = OUTCOME_INTEGER;
        to = varint_write(to, zigzag(n));
    }
    commit(items, from, to);
}

static void put_float(lua_State *L, Items *items, OutcomeTag tag, double n) {
    char *from = place_of(L, items, OUTCOME_SCALAR);
    *from = (char)tag;
    memcpy(from + 1, &n, sizeof n);
    commit(items, from, from + 1 + sizeof n);
}

static void put_tag(lua_State *L, Items *items, int tag) {
    char *from = place_of(L, items, OUTCOME_SCALAR);
    *from = (char)tag;
    commit(items, from, from + 1);
}

static void put_string(lua_State *L, Items *items, int index) {
    size_t size;
    const char *bytes = lua_tolstring(L, index, &size);
    if (size > OUTCOME_LONGEST_SHORT) return put_bytes(L, items, OUTCOME_STRING, bytes, size);
    char *from = room(L, items, OUTCOME_SCALAR + size);
    *from = (char)(OUTCOME_SHORT_STRING | (int)size);
    memcpy(from + 1, bytes, size);
    commit(items, from, from + 1 + size);
}

static void put_encoded(lua_State *L, Items *items, OutcomeTag tag, int first, int count) {
    Buffer *aside = &items->self->aside;
    buffer_clear(aside);
    codec_encode(L, first, count, aside);
    put_bytes(L, items, tag, buffer_bytes(aside), buffer_size(aside));
}

// False when it takes the codec, which may refuse it.
static bool put_plain(lua_State *L, Items *items, int index) {
    switch (lua_type(L, index)) {
    case LUA_TNIL: put_tag(L, items, OUTCOME_NIL); return true;
    case LUA_TBOOLEAN:
        put_tag(L, items, lua_toboolean(L, index) ? OUTCOME_TRUE : OUTCOME_FALSE);
        return true;
    case LUA_TNUMBER:
        if (lua_isinteger(L, index))
            put_integer(L, items, lua_tointeger(L, index));
        else
            put_float(L, items, OUTCOME_FLOAT, lua_tonumber(L, index));
        return true;
    case LUA_TSTRING: put_string(L, items, index); return true;
    default: return false;
    }
}

// ---- what the item printed -----------------------------------------------

static int append_printed(const Self *self, Buffer *to) {
    Buffer out = {0}, error = {0};
    int all = -1;
    if (capture_read(&self->capture, 0, 0, &out) == -1) goto done;
    if (capture_read(&self->capture, 1, 0, &error) == -1) goto done;
    if (buffer_append_varint(to, board_get(&self->board->reported)) == -1) goto done;
    if (buffer_append_varint(to, buffer_size(&out)) == -1) goto done;
    if (buffer_append(to, buffer_bytes(&out), buffer_size(&out)) == -1) goto done;
    all = buffer_append(to, buffer_bytes(&error), buffer_size(&error));

done:
    buffer_free(&out);
    buffer_free(&error);
    return all;
}

// The report is whole before the captures are emptied, and counts as made after
// that: wherever we die, it can be told whether what they hold was reported.
static void put_printed(lua_State *L, Items *items) {
    Self *self = items->self;
    if (!self->reports_output) return;
    fflush(stdout);
    fflush(stderr);
    if (capture_is_empty(&self->capture)) return;
    buffer_clear(&self->aside);
    check_sent(L, append_printed(self, &self->aside));
    put_bytes(L, items, OUTCOME_PRINTED, buffer_bytes(&self->aside), buffer_size(&self->aside));
    FAULT("item.reported");
    capture_clear(&self->capture);
    board_set(&self->board->reported, board_get(&self->board->reported) + 1);
}

// ---- failures ------------------------------------------------------------

static int to_values(lua_State *L) {
    Items *items = lua_touserdata(L, 1);
    Buffer *aside = &items->self->aside;
    buffer_clear(aside);
    codec_encode_shared(L, 2, lua_gettop(L) - 1, aside);
    if (lua_isnil(L, -1))
        put_bytes(L, items, OUTCOME_VALUES, buffer_bytes(aside), buffer_size(aside));
    else
        send_shared(L, items, aside);
    return 0;
}

static int to_failure(lua_State *L) {
    Items *items = lua_touserdata(L, 1);
    put_encoded(L, items, OUTCOME_FAILED, 2, 1);
    return 0;
}

// Only whether they can be sent; nothing is committed.
static int to_nowhere(lua_State *L) {
    Items *items = lua_touserdata(L, 1);
    buffer_clear(&items->self->aside);
    codec_encode_shared(L, 2, lua_gettop(L) - 1, &items->self->aside);
    return 0;
}

// Calls put(items, values from `first` on), which are popped. On failure the reason is pushed.
static bool attempt(lua_State *L, Items *items, lua_CFunction put, int first) {
    lua_pushcfunction(L, put);
    lua_insert(L, first);
    lua_pushlightuserdata(L, items);
    lua_insert(L, first + 1);
    return lua_pcall(L, lua_gettop(L) - first, 0, 0) == 0;
}

static void set_string(lua_State *L, const char *name, const char *value) {
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
}

// What f returned, from `first` on, is the reason that it cannot be sent: the
// path of the culprit, as it would be within a list of the results.
static void push_unsendable(lua_State *L, Items *items, int first) {
    int count = lua_gettop(L) - first + 1;
    lua_createtable(L, count, 0);
    for (int i = 1; i <= count; i++) {
        lua_pushvalue(L, first + i - 1);
        lua_rawseti(L, -2, i);
    }
    lua_replace(L, first);
    lua_settop(L, first);
    if (attempt(L, items, to_nowhere, first)) luaL_error(L, "a result changed while it was sent");
    const char *path = lua_tostring(L, -1);
    if (items->shape != SHAPE_CALLS && path && strncmp(path, "[1]", 3) == 0) path += 3;
    lua_pushfstring(L, "result%s%s", path && strchr("[.:", *path) ? "" : ": ", path ? path : "");
    lua_createtable(L, 0, 2);
    set_string(L, "kind", "unsendable");
    lua_insert(L, -2);
    lua_setfield(L, -2, "message");
}

// Puts the table on top; without the error value when that cannot be sent.
static void put_failure(lua_State *L, Items *items) {
    int table = lua_gettop(L);
    put_printed(L, items);
    lua_pushvalue(L, table);
    if (attempt(L, items, to_failure, table + 1)) return lua_settop(L, table - 1);
    lua_settop(L, table);
    lua_pushnil(L);
    lua_setfield(L, table, "value");
    put_encoded(L, items, OUTCOME_FAILED, table, 1);
    lua_settop(L, table - 1);
}

// What f returned lies from RESULTS on.
static void put_results(lua_State *L, Items *items) {
    int count = lua_gettop(L) - RESULTS + 1;
    put_printed(L, items);
    if (count == 1 && put_plain(L, items, RESULTS)) return;
    luaL_checkstack(L, count + 2, "too many results");
    for (int i = 0; i < count; i++) lua_pushvalue(L, RESULTS + i);
    if (attempt(L, items, to_values, RESULTS + count)) return;
    lua_settop(L, RESULTS + count - 1);
    push_unsendable(L, items, RESULTS);
    put_failure(L, items);
}

// ---- the loop ------------------------------------------------------------

static int count_of(lua_State *L, int tuple) {
    if (!lua_istable(L, tuple))
        luaL_error(L, "a tuple must be a table, got %s", luaL_typename(L, tuple));
    lua_getfield(L, tuple, "n");
    if (lua_isnil(L, -1)) return (int)lua_rawlen(L, tuple);
    lua_Number n = lua_tonumber(L, -1);
    bool is_count = lua_type(L, -1) == LUA_TNUMBER && n >= 0 && n <= INT_MAX && n == (int)n;
    if (!is_count)
        luaL_error(L, "a tuple's n must be a whole number, got %s", luaL_tolstring(L, -1, NULL));
    return (int)n;
}

static int push_tuple(lua_State *L) {
    int tuple = lua_gettop(L), count = count_of(L, tuple);
    lua_settop(L, tuple);
    luaL_checkstack(L, count, "too many arguments");
    for (int i = 1; i <= count; i++) lua_rawgeti(L, tuple, i);
    lua_remove(L, tuple);
    return count;
}

// decode_call(items, parcel): the arguments
static int decode_call(lua_State *L) {
    const Items *items = lua_touserdata(L, 1);
    return codec_decode_trusted(L, items->message, items->size, 2);
}

static int push_large_call(lua_State *L) {
    lua_pushcfunction(L, decode_call);
    lua_pushvalue(L, ITEMS);
    lua_pushvalue(L, PARCEL);
    return growth_call(L, 2);
}

static int push_arguments(lua_State *L, const Items *items) {
    if (items->shape == SHAPE_CALLS && items->size >= GROWTH_LEAST) return push_large_call(L);
    if (items->shape == SHAPE_CALLS)
        return codec_decode_trusted(L, items->message, items->size, PARCEL);
    lua_rawgeti(L, LIST, items->at);
    return items->shape == SHAPE_TUPLE ? push_tuple(L) : 1;
}

// The running item is the next one, whatever becomes of it.
static void next_call(Items *items) {
    if (items->shape != SHAPE_CALLS) return;
    calls_next(&items->rest, items->end, &items->size);
    items->message = items->rest;
    items->rest += items->size;
}

static void put_beginning(lua_State *L, Items *items) {
    if (items->self->reports_times) put_float(L, items, OUTCOME_BEGAN, (double)clock_now() / 1e9);
}

static Guard *guard_of(const Items *items) {
    return items->self->own;
}

static void call_before(lua_State *L, const Items *items) {
    if (lua_isnil(L, BEFORE)) return;
    lua_pushvalue(L, BEFORE);
    lua_pushinteger(L, items->first + items->at - 1);
    lua_call(L, 1, 0);
}

// The first is begun with the task. From one that was taken back on, others run them.
static bool may_begin(Items *items) {
    if (items->at == 1 || self_begin_item(items->self)) return true;
    items->count = items->at - 1;
    return false;
}

// run_rest(items, f, list, before, parcel): the item at hand and those after it, until one fails.
static int run_rest(lua_State *L) {
    Items *items = lua_touserdata(L, ITEMS);
    for (; items->at <= items->count; items->at++) {
        if (!may_begin(items)) break;
        guard_begin_item(items->self, (uint64_t)items->at);
        next_call(items);
        FAULT("item.begin");
        put_beginning(L, items);
        guard_check(L, items->self);
        call_before(L, items);
        lua_pushvalue(L, F);
        lua_call(L, push_arguments(L, items), items->shape == SHAPE_CALLS ? LUA_MULTRET : 1);
        FAULT("item.done");
        guard_check(L, items->self);
        put_results(L, items);
        FAULT("item.committed");
        lua_settop(L, PARCEL);
    }
    return 0;
}

// The item has failed: nothing shall be raised in it any more, and telling of
// it may take memory. Whether it was told to stop.
static bool release(Items *items) {
    Guard *guard = guard_of(items);
    if (!guard) return false;
    if (cap_lift(&guard->cap)) items->count = items->at; // others have no worker to spoil
    return stop_end_item(&guard->stop);
}

static bool is_no_memory(lua_State *L, int status, int message) {
    size_t size;
    const char *text = lua_tolstring(L, message, &size);
    return status == LUA_ERRMEM || (text && strcmp(text, "not enough memory") == 0);
}

// With what was raised on top: a table with the fields of a Failure instead.
static int account(lua_State *L) {
    Items *items = lua_touserdata(L, lua_upvalueindex(1));
    lua_settop(L, 1);
    bool by_users_code = lua_istable(L, 1) || lua_isuserdata(L, 1);
    if (by_users_code) failed_push_message(L, 1); // has no more time and memory than the item
    bool stopped = release(items);
    if (!by_users_code) failed_push_message(L, 1);
    lua_createtable(L, 0, 5);
    lua_insert(L, 2);
    lua_setfield(L, 2, "message");
    luaL_traceback(L, L, NULL, 1);
    lua_setfield(L, 2, "traceback");
    lua_pushvalue(L, 1);
    lua_setfield(L, 2, "value");
    set_string(L, "kind", stopped ? "stopped" : is_no_memory(L, 0, 1) ? "memory" : "error");
    if (stopped) set_string(L, "place", guard_of(items)->stop.place);
    return 1;
}

// The handler was not called, or failed itself: there is a text at most.
static void push_bare_account(lua_State *L, Items *items, int status) {
    bool stopped = release(items);
    lua_createtable(L, 0, 2);
    set_string(L, "kind", stopped ? "stopped" : is_no_memory(L, status, -2) ? "memory" : "error");
    failed_push_message(L, -2);
    lua_setfield(L, -2, "message");
    lua_remove(L, -2);
}

// Runs items until one fails, and notes that. True while there may be more.
static bool run_some(lua_State *L, Items *items) {
    lua_settop(L, PARCEL);
    lua_pushlightuserdata(L, items);
    lua_pushcclosure(L, account, 1);
    lua_pushcfunction(L, run_rest);
    lua_pushlightuserdata(L, items);
    lua_pushvalue(L, F);
    lua_pushvalue(L, LIST);
    lua_pushvalue(L, BEFORE);
    lua_pushvalue(L, PARCEL);
    int status = lua_pcall(L, 5, 0, PARCEL + 1);
    if (status == 0) return false;
    if (!lua_istable(L, -1)) push_bare_account(L, items, status);
    put_failure(L, items);
    items->at++;
    return true;
}

// Of calls each is checked to be whole.
static lua_Integer check_calls(lua_State *L, Items *items, int list) {
    size_t size;
    items->rest = bytes_check(L, list, &size);
    items->end = items->rest + size;
    lua_Integer count = calls_count(items->rest, size);
    luaL_argcheck(L, count >= 0, list, "damaged calls");
    return count;
}

static lua_Integer check_count(lua_State *L, Items *items, int list) {
    if (items->shape == SHAPE_CALLS) return check_calls(L, items, list);
    luaL_checktype(L, list, LUA_TTABLE);
    lua_getfield(L, list, "n");
    lua_Integer count = luaL_checkinteger(L, -1);
    lua_pop(L, 1);
    return count;
}

static lua_Integer min(lua_Integer a, lua_Integer b) {
    return a < b ? a : b;
}

static int core_run_items(lua_State *L) {
    static const char *const SHAPES[] = {"one", "tuple", "calls", NULL};
    Items items = {.self = self_check(L, 1), .at = 1};
    items.shape = (Shape)luaL_checkoption(L, 3, NULL, SHAPES);
    items.count = check_count(L, &items, 4);
    items.first = luaL_optinteger(L, 5, 1);
    lua_Integer asked = items.count;
    items.count = min(asked, luaL_optinteger(L, 6, asked));
    lua_settop(L, 8);
    lua_remove(L, 6); // self, f, list, before, parcel: as ITEMS, F, LIST, BEFORE, PARCEL
    lua_remove(L, 5);
    lua_remove(L, 3);
    uint64_t began = clock_now();
    while (run_some(L, &items)) {}
    buffer_clear(&items.self->aside);
    buffer_settle(&items.self->aside);
    Guard *guard = guard_of(&items);
    if (guard) stop_end_item(&guard->stop);
    put_float(L, &items, items.count < asked ? OUTCOME_LEFT : OUTCOME_END,
              (double)(clock_now() - began) / 1e9);
    lua_pushinteger(L, items.count);
    lua_pushboolean(L, guard && cap_lift(&guard->cap));
    return 2;
}

void items_register(lua_State *L) {
    lua_pushcfunction(L, core_run_items);
    lua_setfield(L, -2, "run_items");
}
