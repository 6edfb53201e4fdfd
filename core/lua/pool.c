#include "core/lua/pool.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/lua/bytes.h"
#include "core/lua/core.h"
#include "core/lua/failed.h"
#include "core/lua/heap.h"
#include "core/lua/interrupt.h"
#include "core/lua/outlets.h"
#include "core/lua/parcel.h"
#include "core/lua/service.h"
#include "core/lua/shared.h"
#include "core/lua/starter.h"
#include "core/os/clock.h"
#include "core/pool/pool.h"

static const char POOL[] = "parallel.core.pool";
static const char POOLS; // its address is the key of a table in the registry: pools, weak

enum { MOST_ITEMS = INT_MAX }; // of a task that may be cut

typedef struct {
    Pool *pool; // NULL: closed
    LuaService service;
    Buffer keep;         // descriptors that every worker inherits, as int
    int keeper;          // reference of a function that says which others, or LUA_NOREF
    Buffer kept;         // what the worker that is being started inherits
    LuaStarter *starter; // kept alive by the reference
    int starter_reference;
    PoolEvent event;  // what happened last
    bool undelivered; // Lua does not know of it yet: there was no memory
} PoolHandle;

static PoolHandle *check_open(lua_State *L) {
    PoolHandle *handle = luaL_checkudata(L, 1, POOL);
    if (!handle->pool) luaL_error(L, "attempt to use a closed pool");
    handle->service.L = L; // a worker forked now goes on in its copy of this thread
    return handle;
}

static int option_integer(lua_State *L, const char *name, int missing) {
    lua_getfield(L, 1, name);
    int value = (int)luaL_optinteger(L, -1, missing);
    lua_pop(L, 1);
    return value;
}

// Forked workers inherit the functions; others make theirs from the letter.
static void option_starter(lua_State *L, PoolHandle *handle, PoolOptions *options) {
    lua_getfield(L, 1, "starter");
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        service_refer(&handle->service, L, 1);
        handle->service.kept = &handle->kept;
        options->service = service_of(&handle->service);
        return;
    }
    handle->starter = starter_check(L, -1);
    handle->starter_reference = luaL_ref(L, LUA_REGISTRYINDEX);
    starter_hold(handle->starter);
    options->starter = starter_of(handle->starter);
}

// A letter and its parcel on the stack, with room for the parcel's descriptors.
static PoolLetter check_letter(lua_State *L, int index, int handles[BUNDLE_MOST]) {
    PoolLetter letter = {.handles = handles};
    letter.bytes = luaL_checklstring(L, index, &letter.size);
    letter.handle_count = parcel_descriptors(L, lua_absindex(L, index) + 1, handles);
    return letter;
}

static void option_keep(lua_State *L, PoolHandle *handle) {
    if (lua_getfield(L, 1, "keep") == LUA_TFUNCTION) {
        handle->keeper = luaL_ref(L, LUA_REGISTRYINDEX);
        return;
    }
    int count = lua_istable(L, -1) ? (int)lua_rawlen(L, -1) : 0;
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, i);
        int fd = (int)lua_tointeger(L, -1);
        if (buffer_append(&handle->keep, &fd, sizeof fd) == -1) luaL_error(L, "not enough memory");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

// With a list of shared objects and descriptors on top: adds those that are open.
static int keep_listed(lua_State *L, Buffer *fds) {
    int list = lua_gettop(L), added = 0;
    for (int i = 1; added == 0 && lua_rawgeti(L, list, i) != LUA_TNIL; i++) {
        const SharedKind *kind = shared_kind_of(L, -1);
        int fd = kind                  ? kind->descriptor(L, -1)
                 : lua_isnumber(L, -1) ? (int)lua_tointeger(L, -1)
                                       : -1;
        if (fd != -1) added = buffer_append(fds, &fd, sizeof fd);
        lua_pop(L, 1);
    }
    return added;
}

// What the pool's owner asks for beside what every child keeps.
static int keep_asked(PoolHandle *handle) {
    lua_State *L = handle->service.L;
    int base = lua_gettop(L), asked = 0;
    if (handle->keeper == LUA_NOREF) return 0;
    lua_checkstack(L, LUA_MINSTACK);
    lua_rawgeti(L, LUA_REGISTRYINDEX, handle->keeper);
    bool failed = lua_pcall(L, 0, 1, 0) != 0 || !lua_istable(L, -1);
    if (failed)
        errno = ENOMEM; // nothing else can go wrong in there
    else
        asked = keep_listed(L, &handle->kept);
    lua_settop(L, base);
    return failed ? -1 : asked;
}

// Shared objects are inherited with the memory, which recruits do not get. The copy in
// `kept` is for the child, see service.c.
static int keep(void *context, Buffer *fds) {
    PoolHandle *handle = context;
    buffer_clear(&handle->kept);
    if (buffer_append(&handle->kept, buffer_bytes(&handle->keep), buffer_size(&handle->keep)) == -1)
        return -1;
    if (!handle->starter &&
        (shared_keep(handle->service.L, &handle->kept) == -1 || keep_asked(handle) == -1))
        return -1;
    return buffer_append(fds, buffer_bytes(&handle->kept), buffer_size(&handle->kept));
}

// ---- all pools -----------------------------------------------------------

static void enlist(lua_State *L, int handle) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &POOLS);
    lua_pushvalue(L, handle);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

static void make_list(lua_State *L) {
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &POOLS);
}

static void each_pool(lua_State *L, void (*act)(Pool *, uint64_t), uint64_t pause) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &POOLS);
    lua_pushnil(L);
    for (int list = lua_gettop(L) - 1; lua_next(L, list); lua_pop(L, 1)) {
        PoolHandle *handle = lua_touserdata(L, -2);
        if (handle->pool) act(handle->pool, pause);
    }
    lua_pop(L, 1);
}

static void pause_one(Pool *pool, uint64_t unused) {
    (void)unused;
    pool_pause(pool);
}

void pools_pause(lua_State *L) {
    each_pool(L, pause_one, 0);
}

void pools_resume(lua_State *L, uint64_t pause) {
    each_pool(L, pool_resume, pause);
}

// core.pool(options): see core/lua/pool.h. nil, message, errno when it cannot be opened.
static int core_pool(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    PoolHandle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
    *handle = (PoolHandle){.service = service_none(L),
                           .keeper = LUA_NOREF,
                           .starter_reference = LUA_NOREF}; // closed: __gc may run
    luaL_setmetatable(L, POOL);
    PoolOptions options = {.workers = option_integer(L, "workers", 1),
                           .window = option_integer(L, "window", 2)};
    luaL_argcheck(L, options.workers > 0, 1, "at least one worker is needed");
    outlets_check(L, 1, &handle->service.outlets);
    option_starter(L, handle, &options);
    option_keep(L, handle);
    options.keep = keep;
    options.keep_context = handle;
    int handles[BUNDLE_MOST];
    PoolLetter letter;
    if (handle->starter) {
        lua_getfield(L, 1, "letter"); // the options keep it alive
        lua_getfield(L, 1, "parcel");
        letter = check_letter(L, -2, handles);
        options.letter = &letter;
        lua_pop(L, 2);
    }
    heap_age(L);
    enlist(L, lua_gettop(L));
    handle->pool = pool_open(&options);
    return handle->pool ? 1 : luaL_fileresult(L, 0, "cannot start workers");
}

// A payload that is a bulk goes as that.
static int pool_method_submit(lua_State *L) {
    PoolHandle *handle = check_open(L);
    size_t size;
    const char *bytes = bytes_check(L, 2, &size);
    Bulk *bulk = bytes_bulk(L, 2);
    if (bulk) size = 0;
    int worker = (int)luaL_optinteger(L, 3, 0);
    luaL_argcheck(L, worker >= 0 && worker <= pool_workers(handle->pool), 3, "no such worker");
    int handles[BUNDLE_MOST];
    TaskTerms terms = {.only = worker, .limit = stop_check_limit(L, 4), .handles = handles};
    terms.bulk = bulk ? bulk : bytes_bulk(L, 7);
    terms.handle_count = parcel_descriptors(L, 5, handles);
    lua_Integer items = luaL_optinteger(L, 6, 1);
    terms.items = items > 0 && items <= MOST_ITEMS ? (uint32_t)items : 1;
    uint64_t task = pool_submit(handle->pool, bytes, size, terms);
    if (!task) return luaL_error(L, "cannot submit a task: %s", strerror(errno));
    bytes_release(L, 2);
    lua_pushinteger(L, (lua_Integer)task);
    return 1;
}

static void set_integer(lua_State *L, const char *name, lua_Integer value) {
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static void set_boolean(lua_State *L, const char *name, bool value) {
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

// As core.outcomes tells what an item printed.
static void push_printed(lua_State *L, const PoolEvent *event) {
    lua_createtable(L, CAPTURES, 2);
    set_integer(L, "place", (lua_Integer)event->item);
    set_integer(L, "report", (lua_Integer)event->reported);
    for (int i = 0; i < CAPTURES; i++) {
        lua_pushlstring(L, event->printed[i].bytes, event->printed[i].size);
        lua_rawseti(L, -2, i + 1);
    }
}

static void set_end(lua_State *L, ProcessEnd end) {
    const char *name = end.signal ? sigabbrev_np(end.signal) : NULL;
    if (end.signal) {
        if (name)
            lua_pushfstring(L, "SIG%s", name);
        else
            lua_pushfstring(L, "signal %d", end.signal);
        lua_setfield(L, -2, "signal");
    }
    if (end.exitcode != -1) set_integer(L, "exitcode", end.exitcode);
}

static void push_end(lua_State *L, const PoolEvent *event) {
    lua_createtable(L, 0, 8);
    set_end(L, event->end);
    set_integer(L, "item", (lua_Integer)event->item);
    set_boolean(L, "ordered", event->ordered);
    set_boolean(L, "innocent", event->innocent);
    lua_pushlstring(L, event->bytes, event->size);
    lua_setfield(L, -2, "outcomes");
    push_printed(L, event);
    lua_setfield(L, -2, "printed");
}

// Its kind, task and worker are pushed already. A large part stays where it was read to.
static int push_answer(lua_State *L, Pool *pool, const PoolEvent *event) {
    bool large = event->kind == POOL_PART && event->size >= BYTES_LARGE;
    Buffer *part = large ? bytes_new(L) : NULL;
    if (!large) lua_pushlstring(L, event->bytes, event->size);
    parcel_push(L, event->handles, event->handle_count);
    if (large && pool_take(pool, part) == -1) return luaL_error(L, "not enough memory");
    return 5;
}

static int push_event(lua_State *L, Pool *pool, const PoolEvent *event) {
    static const char *const KINDS[] = {[POOL_PART] = "part",
                                        [POOL_RESULT] = "result",
                                        [POOL_ERROR] = "error",
                                        [POOL_DEATH] = "death",
                                        [POOL_CUT] = "cut"};
    lua_pushstring(L, KINDS[event->kind]);
    if (event->task)
        lua_pushinteger(L, (lua_Integer)event->task);
    else
        lua_pushnil(L);
    if (event->kind == POOL_CUT) {
        lua_pushnil(L);
        lua_pushinteger(L, (lua_Integer)event->item);
        return 4;
    }
    lua_pushinteger(L, event->worker + 1);
    if (event->kind == POOL_PART || event->kind == POOL_RESULT) return push_answer(L, pool, event);
    if (event->kind == POOL_ERROR)
        failed_push(L, event->bytes, event->size);
    else
        push_end(L, event);
    set_integer(L, "pid", event->pid);
    return 4;
}

static int push_broken(lua_State *L, const Pool *pool) {
    size_t size;
    bool refused;
    const char *reason = pool_reason(pool, &size, &refused);
    lua_pushliteral(L, "broken");
    lua_pushnil(L);
    lua_pushnil(L);
    if (refused) {
        failed_push(L, reason, size);
        return 4;
    }
    lua_createtable(L, 0, 2);
    lua_pushlstring(L, reason, size);
    lua_setfield(L, -2, "message");
    set_end(L, pool_start_end(pool));
    return 4;
}

static int check_timeout_ms(lua_State *L, int index) {
    if (lua_isnoneornil(L, index)) return -1;
    lua_Number seconds = luaL_checknumber(L, index);
    luaL_argcheck(L, seconds == seconds, index, "a timeout cannot be NaN");
    if (seconds <= 0) return 0;
    return seconds > 2e6 ? 2000000000 : (int)ceil(seconds * 1000);
}

// What raises for want of memory is tried again with the next call: no outcome gets lost.
static int deliver(lua_State *L, PoolHandle *handle) {
    handle->undelivered = true;
    int results = push_event(L, handle->pool, &handle->event);
    handle->undelivered = false;
    return results;
}

static int pool_method_wait(lua_State *L) {
    PoolHandle *handle = check_open(L);
    int timeout_ms = check_timeout_ms(L, 2);
    uint64_t since = clock_now();
    interrupt_check(L);
    if (handle->undelivered) return deliver(L, handle);
    for (;;) {
        int left = timeout_ms;
        uint64_t passed = (clock_now() - since) / NS_PER_MS;
        if (left > 0) left = passed < (uint64_t)left ? left - (int)passed : 0;
        int got = pool_wait(handle->pool, left, &handle->event);
        if (got == 1 && handle->event.kind == POOL_DEATH)
            outlets_bequeath(&handle->service.outlets, &handle->event);
        if (got == 1) return deliver(L, handle);
        if (got == 0) break;
        if (errno == ECHILD) return push_broken(L, handle->pool);
        if (errno != EINTR) return luaL_error(L, "cannot wait for the pool: %s", strerror(errno));
        interrupt_check(L);
    }
    lua_pushnil(L);
    lua_pushliteral(L, "timeout");
    return 2;
}

static int pool_method_cancel(lua_State *L) {
    static const char *const WORDS[] = {
        [POOL_WITHDRAWN] = "withdrawn", [POOL_REFUSED] = "refused", [POOL_STOPPED] = "stopped"};
    PoolHandle *handle = check_open(L);
    uint64_t task = (uint64_t)luaL_checkinteger(L, 2);
    uint64_t item = (uint64_t)luaL_optinteger(L, 3, 0);
    uint64_t from;
    lua_pushstring(L, WORDS[pool_cancel(handle->pool, task, item, &from)]);
    if (from == 0) return 1;
    lua_pushinteger(L, (lua_Integer)from);
    return 2;
}

static int pool_method_resize(lua_State *L) {
    PoolHandle *handle = check_open(L);
    lua_Integer workers = luaL_checkinteger(L, 2);
    luaL_argcheck(L, workers > 0 && workers < 1 << 16, 2, "at least one worker is needed");
    if (handle->undelivered) return luaL_error(L, "not enough memory"); // it lies in a channel
    heap_age(L);
    if (pool_resize(handle->pool, (int)workers) == 0) return 0;
    return luaL_error(L, "cannot resize the pool: %s", strerror(errno));
}

static int pool_method_kill(lua_State *L) {
    PoolHandle *handle = check_open(L);
    lua_Integer worker = luaL_checkinteger(L, 2);
    luaL_argcheck(L, worker >= 1 && worker <= pool_workers(handle->pool), 2, "no such worker");
    pool_kill(handle->pool, (int)worker - 1);
    return 0;
}

static int pool_method_drain(lua_State *L) {
    PoolHandle *handle = check_open(L);
    int grace_ms = check_timeout_ms(L, 2);
    if (pool_drain(handle->pool, grace_ms) == -1)
        return luaL_error(L, "cannot drain the pool: %s", strerror(errno));
    return 0;
}

static int pool_method_close(lua_State *L) {
    PoolHandle *handle = luaL_checkudata(L, 1, POOL);
    pool_close(handle->pool);
    handle->pool = NULL;
    buffer_free(&handle->keep);
    buffer_free(&handle->kept);
    service_forget(&handle->service, L);
    if (handle->starter) starter_release(handle->starter);
    handle->starter = NULL;
    luaL_unref(L, LUA_REGISTRYINDEX, handle->keeper);
    luaL_unref(L, LUA_REGISTRYINDEX, handle->starter_reference);
    handle->keeper = handle->starter_reference = LUA_NOREF;
    return 0;
}

// pool:letter(bytes, parcel): what workers that the starter makes from now on are told first.
static int pool_method_letter(lua_State *L) {
    PoolHandle *handle = check_open(L);
    int handles[BUNDLE_MOST];
    lua_settop(L, 3);
    PoolLetter letter = check_letter(L, 2, handles);
    if (pool_write_letter(handle->pool, &letter) == 0) return 0;
    return luaL_error(L, "cannot keep the letter: %s", strerror(errno));
}

static int pool_method_stats(lua_State *L) {
    PoolStats stats = pool_stats(check_open(L)->pool);
    lua_createtable(L, 0, 8);
    set_integer(L, "workers", stats.workers);
    set_integer(L, "busy", stats.busy);
    set_integer(L, "queued", (lua_Integer)stats.queued);
    set_integer(L, "done", (lua_Integer)stats.done);
    set_integer(L, "deaths", (lua_Integer)stats.deaths);
    set_integer(L, "bytes_sent", (lua_Integer)stats.bytes_sent);
    set_integer(L, "bytes_received", (lua_Integer)stats.bytes_received);
    set_integer(L, "progress", (lua_Integer)stats.progress);
    return 1;
}

// pool:memory(worker): the bytes that its Lua had after its last task.
static int pool_method_memory(lua_State *L) {
    Pool *pool = check_open(L)->pool;
    lua_Integer worker = luaL_checkinteger(L, 2);
    luaL_argcheck(L, worker >= 1 && worker <= pool_workers(pool), 2, "no such worker");
    lua_pushinteger(L, (lua_Integer)pool_worker_memory(pool, (int)worker - 1));
    return 1;
}

// The process numbers of the workers, in their order.
static int pool_method_workers(lua_State *L) {
    Pool *pool = check_open(L)->pool;
    lua_newtable(L);
    for (int i = 0; i < pool_workers(pool); i++) {
        lua_pushinteger(L, pool_worker_pid(pool, i));
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

static int pool_method_descriptor(lua_State *L) {
    lua_pushinteger(L, pool_descriptor(check_open(L)->pool));
    return 1;
}

static int pool_method_timeout(lua_State *L) {
    const PoolHandle *handle = check_open(L);
    int ms = handle->undelivered ? 0 : pool_timeout(handle->pool);
    if (ms == -1) return 0;
    lua_pushnumber(L, ms / 1000.0);
    return 1;
}

static const luaL_Reg POOL_METHODS[] = {
    {"cancel", pool_method_cancel},   {"memory", pool_method_memory},
    {"resize", pool_method_resize},   {"submit", pool_method_submit},
    {"wait", pool_method_wait},       {"kill", pool_method_kill},
    {"letter", pool_method_letter},   {"drain", pool_method_drain},
    {"close", pool_method_close},     {"stats", pool_method_stats},
    {"workers", pool_method_workers}, {"descriptor", pool_method_descriptor},
    {"timeout", pool_method_timeout}, {"__gc", pool_method_close},
    {"__close", pool_method_close},   {NULL, NULL},
};

void pool_register(lua_State *L) {
    make_list(L);
    core_class(L, POOL, POOL_METHODS);
    lua_pushcfunction(L, core_pool);
    lua_setfield(L, -2, "pool");
}
