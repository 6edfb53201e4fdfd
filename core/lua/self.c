#include "core/lua/self.h"

#include <stdlib.h>
#include <string.h>

#include "core/lua/core.h"
#include "core/lua/guard.h"
#include "core/lua/parcel.h"
#include "core/wire/bundle.h"
#include "core/wire/handles.h"

static const char SELF[] = "parallel.core.self";

enum { INLINE_CAPACITY = 4096 }; // what does not fit is a part: it costs nothing here

// Of a process that is no worker, all that a Self needs in one block.
typedef struct {
    Self *box; // as in the other kind of userdata
    Self self;
    Board board;
    Buffer sent;
    Handles handles; // sent beside it
    uint64_t limit;  // nanoseconds that each item may take; 0: any time
    Guard guard;     // then it holds them to that
    LedgerPage page; // its bytes follow
} Inline;

void self_push(lua_State *L, Self *self) {
    Self **box = lua_newuserdatauv(L, sizeof self, 0);
    *box = self;
    luaL_setmetatable(L, SELF);
}

Self *self_check(lua_State *L, int index) {
    return *(Self **)luaL_checkudata(L, index, SELF);
}

// The block of an inline one; NULL for a worker's.
static Inline *inline_of(Self **box) {
    Inline *block = (Inline *)box;
    return *box == &block->self ? block : NULL;
}

static int keep_part(Self *self, const char *bytes, size_t size, Tail tail, const int *handles,
                     size_t count) {
    Inline *block = self->to;
    Bundle *bundle;
    if (handles_reserve(&block->handles, count) == -1) return -1;
    if (buffer_reserve(&block->sent, size + tail.size) == -1) return -1;
    if (bundle_make(&bundle, handles, count) == -1) return -1;
    if (count) handles_add(&block->handles, bundle->fds, count);
    free(bundle); // but not what it held
    buffer_put(&block->sent, bytes, size);
    buffer_put(&block->sent, tail.bytes, tail.size);
    return 0;
}

static int core_inline_self(lua_State *L) {
    uint64_t limit = stop_check_limit(L, 1);
    Inline *block = lua_newuserdatauv(L, sizeof *block + INLINE_CAPACITY, 0);
    memset(block, 0, sizeof *block);
    block->box = &block->self;
    block->self = (Self){.life = -1,
                         .board = &block->board,
                         .capture = CAPTURE_NONE,
                         .part = keep_part,
                         .to = block,
                         .reports_times = lua_toboolean(L, 2),
                         .own = limit ? &block->guard : NULL};
    block->limit = limit;
    block->self.ledger = (Ledger){.page = &block->page, .capacity = INLINE_CAPACITY};
    ledger_begin(&block->self.ledger, 0);
    luaL_setmetatable(L, SELF);
    return 1;
}

// self:run(f, ...): as pcall(f, self, ...); within it items are held to the limit.
static int self_run(lua_State *L) {
    self_check(L, 1);
    Inline *block = inline_of(lua_touserdata(L, 1));
    luaL_argcheck(L, block, 1, "a worker runs by itself");
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 1);
    lua_insert(L, 3);
    if (block->limit) stop_enter(&block->guard.stop, L, &block->board, block->limit);
    int status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0);
    if (block->limit) stop_leave(&block->guard.stop);
    lua_pushboolean(L, status == 0);
    lua_replace(L, 1);
    return lua_gettop(L);
}

static int self_gc(lua_State *L) {
    Inline *block = inline_of(lua_touserdata(L, 1));
    if (!block) return 0;
    buffer_free(&block->sent);
    handles_free(&block->handles);
    buffer_free(&block->self.aside);
    return 0;
}

static int self_taken(lua_State *L) {
    self_check(L, 1);
    Inline *block = inline_of(lua_touserdata(L, 1));
    luaL_argcheck(L, block, 1, "a worker's own results are sent by themselves");
    luaL_Buffer all;
    luaL_buffinit(L, &all);
    luaL_addlstring(&all, buffer_bytes(&block->sent), buffer_size(&block->sent));
    luaL_addlstring(&all, block->page.bytes, block->self.ledger.size);
    luaL_pushresult(&all);
    size_t count = handles_count(&block->handles);
    if (!count) return 1;
    parcel_push(L, handles_first(&block->handles), count);
    return 2;
}

static int self_index(lua_State *L) {
    lua_pushinteger(L, self_check(L, 1)->index + 1);
    return 1;
}

static int self_item(lua_State *L) {
    Self *self = self_check(L, 1);
    if (lua_isnoneornil(L, 2)) {
        guard_end_item(self);
        return 0;
    }
    guard_begin_item(self, (uint64_t)luaL_checkinteger(L, 2));
    guard_check(L, self);
    return 0;
}

static int self_running(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)board_item(self_check(L, 1)->board));
    return 1;
}

static int self_retire(lua_State *L) {
    self_check(L, 1)->board->retiring = 1;
    return 0;
}

static int self_progress(lua_State *L) {
    lua_pushlightuserdata(L, &self_check(L, 1)->board->progress);
    return 1;
}

static const luaL_Reg METHODS[] = {
    {"index", self_index},       {"retire", self_retire}, {"item", self_item},
    {"running", self_running},   {"taken", self_taken},   {"run", self_run},
    {"progress", self_progress}, {"__gc", self_gc},       {NULL, NULL},
};

void self_register(lua_State *L) {
    core_class(L, SELF, METHODS);
    lua_pushcfunction(L, core_inline_self);
    lua_setfield(L, -2, "inline_self");
}
