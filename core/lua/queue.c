#include "core/lua/queue.h"

#include <errno.h>
#include <string.h>

#include "core/lua/codec.h"
#include "core/lua/core.h"
#include "core/lua/interrupt.h"
#include "core/lua/shared.h"
#include "core/lua/sync.h"
#include "core/lua/vigil.h"
#include "core/sync/bell.h"
#include "core/sync/ring.h"

static const char QUEUE[] = "parallel.queue";

enum { SMALL_ITEM = 512, MUCH_MEMORY = 1 << 20 };

typedef struct {
    Sync sync;
    Buffer out; // the items that are being put, each above those whose put it interrupted
} Queue;

static int core_queue(lua_State *L) {
    lua_Integer limit = sync_whole(L, 1, 0);
    Queue *queue = sync_push(L, QUEUE, sizeof *queue);
    sync_make(L, &queue->sync, "queue", RING_SMALLEST);
    ring_make(&queue->sync.segment, limit > 0 ? (uint64_t)limit : 0);
    return 1;
}

static int attach(lua_State *L, int fd) {
    Queue *queue = sync_push(L, QUEUE, sizeof *queue);
    return sync_attach(L, &queue->sync, fd, RING_SMALLEST);
}

static Queue *check(lua_State *L) {
    return sync_check(L, QUEUE, "queue");
}

static int raise_errno(lua_State *L) {
    if (errno == ENOMEM) return luaL_error(L, "not enough memory");
    return luaL_error(L, "cannot use the queue: %s", strerror(errno));
}

// ---- put -------------------------------------------------------------------

static int encode(lua_State *L) {
    Queue *queue = lua_touserdata(L, 2);
    codec_encode_functions(L, 1, 1, &queue->out);
    return 0;
}

// Shared objects are refused here, where it is not said what else to do.
static const char *advice_on(const char *refusal) {
    if (!strstr(refusal, "cannot be sent this way")) return "";
    return "; let the processes inherit it, or send it through a Pipe or with a task";
}

static void encode_item(lua_State *L, Queue *queue) {
    lua_pushcfunction(L, encode);
    lua_pushvalue(L, 2);
    lua_pushlightuserdata(L, queue);
    int status = lua_pcall(L, 2, 0, 0);
    if (status == 0) return;
    if (status == LUA_ERRMEM || !lua_isstring(L, -1)) lua_error(L);
    luaL_error(L, "cannot send item: %s%s", lua_tostring(L, -1), advice_on(lua_tostring(L, -1)));
}

// Gives back what the item took, and much more than most items take.
static void drop_item(Queue *queue, size_t start) {
    queue->out.end = start;
    if (start == 0 && queue->out.capacity > MUCH_MEMORY) buffer_free(&queue->out);
}

// As ring_put, but interrupted only by an error, which is on top of the stack then.
static int put_item(lua_State *L, Queue *queue, size_t start, uint64_t deadline) {
    Segment *segment = &queue->sync.segment;
    Party me = sync_party(&queue->sync);
    size_t size = queue->out.end - start;
    Vigil vigil = vigil_begin(L, deadline);
    for (;;) {
        int put = ring_put(segment, me, queue->out.data + start, size, vigil.until);
        if (put == -1 && errno != EINTR) return -1;
        int goes_on = vigil_goes_on_safely(L, &vigil, put);
        if (goes_on == 0) return put;
        if (goes_on == 1) continue;
        errno = EINTR;
        return -1;
    }
}

static int put(lua_State *L, uint64_t deadline) {
    Queue *queue = check(L);
    lua_settop(L, 2);
    if (lua_isnil(L, 2)) return luaL_error(L, "cannot send nil");
    size_t start = queue->out.end;
    encode_item(L, queue);
    int done = put_item(L, queue, start, deadline);
    drop_item(queue, start);
    if (done == -1 && errno == EPIPE) return luaL_error(L, "attempt to use a closed queue");
    if (done == -1 && errno == EINTR) return lua_error(L);
    if (done == -1) return raise_errno(L);
    sync_return(L, done);
    if (done) return 1;
    lua_pushliteral(L, "full");
    return 3;
}

static int queue_method_put(lua_State *L) {
    return put(L, sync_deadline(L, 3));
}

static int queue_method_put_nowait(lua_State *L) {
    return put(L, DEADLINE_PASSED);
}

// ---- get -------------------------------------------------------------------

static int got_nothing(lua_State *L, bool closed) {
    lua_pushnil(L);
    lua_pushstring(L, closed ? "closed" : "timeout");
    return 2;
}

// Most items fit here on the C stack. A greater one stays in the queue until there is
// room for it, lest it be lost when there is not enough memory.
static int get(lua_State *L, uint64_t deadline) {
    Queue *queue = check(L);
    char small[SMALL_ITEM];
    char *bytes = small;
    size_t room = sizeof small, size;
    Vigil vigil = vigil_begin(L, deadline);
    for (;;) {
        Party me = sync_party(&queue->sync);
        int got = ring_take(&queue->sync.segment, me, bytes, room, &size, vigil.until);
        if (got == 1) return codec_decode_functions(L, bytes, size);
        if (got == 0 && vigil_look_around(L, &vigil)) continue;
        if (got == 0) return got_nothing(L, false);
        if (errno == EPIPE) return got_nothing(L, true);
        if (errno == EINTR) {
            interrupt_check(L);
        } else if (errno == EMSGSIZE) {
            lua_settop(L, 1);
            bytes = lua_newuserdatauv(L, size, 0);
            room = size;
        } else {
            return raise_errno(L);
        }
    }
}

static int queue_method_get(lua_State *L) {
    return get(L, sync_deadline(L, 2));
}

static int queue_method_get_nowait(lua_State *L) {
    return get(L, DEADLINE_PASSED);
}

// ---- the rest --------------------------------------------------------------

static RingStatus status(lua_State *L) {
    Queue *queue = check(L);
    RingStatus now;
    while (ring_status(&queue->sync.segment, sync_party(&queue->sync), &now) == -1) {
        if (errno != EINTR) raise_errno(L);
        interrupt_check(L);
    }
    return now;
}

static int queue_method_qsize(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)status(L).items);
    return 1;
}

static int queue_method_empty(lua_State *L) {
    lua_pushboolean(L, status(L).items == 0);
    return 1;
}

static int queue_method_full(lua_State *L) {
    RingStatus now = status(L);
    lua_pushboolean(L, now.limit && now.items >= now.limit);
    return 1;
}

static int queue_method_ready(lua_State *L) {
    RingStatus now = status(L);
    lua_pushboolean(L, now.items || now.closed);
    return 1;
}

static int queue_method_task_done(lua_State *L) {
    Queue *queue = check(L);
    while (ring_done(&queue->sync.segment, sync_party(&queue->sync)) == -1) {
        if (errno == ERANGE) return luaL_error(L, "task_done was called more often than put");
        if (errno != EINTR) return raise_errno(L);
        interrupt_check(L);
    }
    return 0;
}

static int queue_method_join(lua_State *L) {
    Queue *queue = check(L);
    Vigil vigil = vigil_begin(L, sync_deadline(L, 2));
    int joined;
    do {
        joined = ring_join(&queue->sync.segment, sync_party(&queue->sync), vigil.until);
        if (joined == -1 && errno != EINTR) return raise_errno(L);
    } while (vigil_goes_on(L, &vigil, joined));
    return sync_return(L, joined);
}

static int queue_method_close(lua_State *L) {
    Queue *queue = luaL_checkudata(L, 1, QUEUE);
    while (ring_close(&queue->sync.segment, sync_party(&queue->sync)) == -1) {
        if (errno != EINTR) return raise_errno(L);
        interrupt_check(L);
    }
    return 0;
}

// Only here: the queue itself goes on.
static int queue_gc(lua_State *L) {
    Queue *queue = luaL_checkudata(L, 1, QUEUE);
    buffer_free(&queue->out);
    return sync_close(L);
}

static const luaL_Reg METHODS[] = {
    {"put", queue_method_put},
    {"get", queue_method_get},
    {"put_nowait", queue_method_put_nowait},
    {"get_nowait", queue_method_get_nowait},
    {"qsize", queue_method_qsize},
    {"count", queue_method_qsize},
    {"__len", queue_method_qsize},
    {"empty", queue_method_empty},
    {"full", queue_method_full},
    {"ready", queue_method_ready},
    {"task_done", queue_method_task_done},
    {"join", queue_method_join},
    {"close", queue_method_close},
    {"__close", queue_method_close},
    {"__gc", queue_gc},
    {NULL, NULL},
};

static const SharedKind KIND = {
    .type = QUEUE, .noun = "a queue", .attach = attach, .descriptor = sync_descriptor};

void queue_register(lua_State *L) {
    core_class(L, QUEUE, METHODS);
    shared_kind(L, &KIND);
    luaL_getmetatable(L, QUEUE);
    lua_setfield(L, -2, "Queue");
    lua_pushcfunction(L, core_queue);
    lua_setfield(L, -2, "queue");
}
