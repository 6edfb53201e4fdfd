#include "core/lua/service.h"

#include "core/lua/bytes.h"
#include "core/lua/child.h"
#include "core/lua/failed.h"
#include "core/lua/parcel.h"
#include "core/lua/self.h"

// LuaJIT stitches traces together around calls of C functions. A loop over one
// of our iterators is such a call each time round, and ran at less than half the
// speed; stitching only after many of them costs other loops nothing.
static void tune_compiler(lua_State *L) {
#if LUA_VERSION_NUM < 504
    if (luaL_dostring(L, "jit.opt.start('minstitch=50')")) lua_pop(L, 1);
#else
    (void)L;
#endif
}

static int append_string(lua_State *L, Buffer *to) {
    size_t size;
    const char *bytes = lua_tolstring(L, -1, &size);
    return bytes ? buffer_append(to, bytes, size) : 0;
}

static void push_bulk(lua_State *L, Self *self) {
    if (buffer_size(&self->bulk) == 0) return lua_pushnil(L);
    *bytes_new(L) = self->bulk;
    self->bulk = (Buffer){0};
}

// A bulk without a payload is the payload.
static void push_payload(lua_State *L, const char *payload, size_t size, int bulk) {
    if (size == 0 && !lua_isnil(L, bulk))
        lua_pushvalue(L, bulk);
    else
        lua_pushlstring(L, payload, size);
}

typedef struct {
    int function; // reference
    Self *self;
    const char *payload;
    size_t size;
} Call;

// arrange(call): the bulk, and then the function with its arguments
static int arrange(lua_State *L) {
    const Call *call = lua_touserdata(L, 1);
    Self *self = call->self;
    push_bulk(L, self);
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->function);
    self_push(L, self);
    push_payload(L, call->payload, call->size, 2);
    parcel_push(L, self->handles, self->handle_count);
    lua_pushvalue(L, 2);
    return 6;
}

// Protected from the first allocation on: an error must not go on into our parent's code. Whatever
// becomes of the call, its bulk is freed, of which the collector does not know how large it is.
static int call_protected(lua_State *L, Call *call) {
    int handler = lua_gettop(L) + 1;
    lua_pushcfunction(L, failed_handler);
    lua_pushcfunction(L, arrange);
    lua_pushlightuserdata(L, call);
    if (lua_pcall(L, 1, 6, handler) != 0) return -1;
    int failed = lua_pcall(L, 4, 1, handler) != 0;
    bytes_release(L, handler + 1);
    return failed ? -1 : 0;
}

// Calls function(self, payload, parcel, bulk). 0 with its reply, or -1 with an account of the
// error. The stack below belongs to the call in which we were forked, and keeps
// the pool from being collected.
static int call(LuaService *own, int function, Self *self, const char *payload, size_t size,
                Buffer *reply) {
    lua_State *L = own->L;
    int base = lua_gettop(L);
    lua_checkstack(L, LUA_MINSTACK);
    Call task = {.function = function, .self = self, .payload = payload, .size = size};
    int failed = call_protected(L, &task);
    int written =
        failed ? failed_write(L, board_get(&self->board->item), reply) : append_string(L, reply);
    if (written == -1) _exit(SERVE_BROKEN); // no memory even to say so
    lua_settop(L, base);
    return failed;
}

// Memory of its own comes first: what is made before it copies pages of the parent's.
static int begin(void *context, Self *self, Buffer *reply) {
    LuaService *own = context;
    child_begin(own->L, self->life, own->kept);
    outlets_open(&own->outlets, own->L, self);
    self->reports_times = own->times;
    tune_compiler(own->L);
    guard_prepare(&own->guard, own->L, self, own->memory);
    int failed = call(own, own->begin, self, "", 0, reply);
    if (failed) outlets_leave(&own->outlets, self);
    return failed;
}

static int handle_task(void *context, Self *self, const char *payload, size_t size, Buffer *reply) {
    LuaService *own = context;
    int failed = call(own, own->handle, self, payload, size, reply);
    stop_end_item(&own->guard.stop);
    outlets_flush(&own->outlets);
    board_set(&self->board->memory, cap_used(own->L));
    return failed;
}

static void end(void *context, Self *self) {
    LuaService *own = context;
    Buffer ignored = {0};
    if (own->finish != LUA_NOREF) call(own, own->finish, self, "", 0, &ignored);
    buffer_free(&ignored);
    child_end(own->L);
    outlets_leave(&own->outlets, self);
}

static void stop_task(void *context) {
    LuaService *own = context;
    stop_request(&own->guard.stop);
}

// ---- references ----------------------------------------------------------

LuaService service_none(lua_State *L) {
    return (LuaService){.L = L, .begin = LUA_NOREF, .handle = LUA_NOREF, .finish = LUA_NOREF};
}

static int refer_function(lua_State *L, int table, const char *name) {
    lua_getfield(L, table, name);
    luaL_argcheck(L, lua_isfunction(L, -1), table, "begin and handle must be functions");
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

void service_refer(LuaService *own, lua_State *L, int table) {
    own->begin = refer_function(L, table, "begin");
    own->handle = refer_function(L, table, "handle");
    lua_getfield(L, table, "finish");
    if (lua_isfunction(L, -1))
        own->finish = luaL_ref(L, LUA_REGISTRYINDEX);
    else
        lua_pop(L, 1);
    lua_getfield(L, table, "memory");
    own->memory = (size_t)luaL_optnumber(L, -1, 0);
    lua_getfield(L, table, "times");
    own->times = lua_toboolean(L, -1);
    lua_pop(L, 2);
    outlets_check(L, table, &own->outlets);
}

void service_forget(LuaService *own, lua_State *L) {
    luaL_unref(L, LUA_REGISTRYINDEX, own->begin);
    luaL_unref(L, LUA_REGISTRYINDEX, own->handle);
    luaL_unref(L, LUA_REGISTRYINDEX, own->finish);
    own->begin = own->handle = own->finish = LUA_NOREF;
}

Service service_of(LuaService *own) {
    return (Service){
        .begin = begin, .handle = handle_task, .end = end, .stop = stop_task, .context = own};
}
