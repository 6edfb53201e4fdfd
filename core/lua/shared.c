#include "core/lua/shared.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>

#include "core/os/descriptor.h"
#include "core/os/sys.h"

// Their addresses are the keys in the registry of three tables:
static const char KINDS;       // a metatable, and a type, leads to the SharedKind
static const char OBJECTS;     // weak: an Identity leads to the object that lives here
static const char DESCRIPTORS; // those that forked children keep, as keys

// The file that a descriptor stands for; different descriptors may stand for one.
typedef struct {
    dev_t device;
    ino_t inode;
} Identity;

// Pushes the table of this key.
static void push_table(lua_State *L, const char *key, const char *mode) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, key) == LUA_TTABLE) return;
    lua_pop(L, 1);
    lua_newtable(L);
    if (mode) {
        lua_createtable(L, 0, 1);
        lua_pushstring(L, mode);
        lua_setfield(L, -2, "__mode");
        lua_setmetatable(L, -2);
    }
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

// ---- kinds

void shared_kind(lua_State *L, const SharedKind *kind) {
    push_table(L, &KINDS, NULL);
    lua_pushlightuserdata(L, (void *)(uintptr_t)kind);
    lua_setfield(L, -2, kind->type);
    luaL_getmetatable(L, kind->type);
    lua_pushlightuserdata(L, (void *)(uintptr_t)kind);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

// With a metatable or a type on top, which is popped: its kind, or NULL.
static const SharedKind *kind_by(lua_State *L) {
    const SharedKind *kind = NULL;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &KINDS) == LUA_TTABLE) {
        lua_insert(L, -2);
        lua_rawget(L, -2);
        kind = lua_touserdata(L, -1);
    }
    lua_pop(L, 2);
    return kind;
}

const SharedKind *shared_kind_of(lua_State *L, int index) {
    if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) return NULL;
    return kind_by(L);
}

// ---- objects

// Pushes the descriptor's Identity as a string.
static void push_identity(lua_State *L, int fd) {
    struct stat info;
    if (sys.fstat(fd, &info) == -1)
        luaL_error(L, "cannot look at a descriptor: %s", strerror(errno));
    Identity identity;
    memset(&identity, 0, sizeof identity);
    identity.device = info.st_dev;
    identity.inode = info.st_ino;
    lua_pushlstring(L, (const char *)&identity, sizeof identity);
}

void shared_enter(lua_State *L, int index) {
    index = lua_absindex(L, index);
    const SharedKind *kind = shared_kind_of(L, index);
    int fd = kind->descriptor(L, index);
    push_table(L, &OBJECTS, "v");
    push_identity(L, fd);
    lua_pushvalue(L, index);
    lua_rawset(L, -3);
    lua_pop(L, 1);
    if (kind->forked) return;
    push_table(L, &DESCRIPTORS, NULL);
    lua_pushboolean(L, 1);
    lua_rawseti(L, -2, fd);
    lua_pop(L, 1);
}

// Not a field that is not there: setting that to nil could need memory.
void shared_leave(lua_State *L, int fd) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &DESCRIPTORS) == LUA_TTABLE && fd != -1) {
        bool entered = lua_rawgeti(L, -1, fd) == LUA_TBOOLEAN;
        lua_pop(L, 1);
        lua_pushnil(L);
        if (entered)
            lua_rawseti(L, -2, fd);
        else
            lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

// Pushes the object that lives here and is of this kind; or false and nothing pushed.
// One that was closed since is none.
static bool push_living(lua_State *L, const SharedKind *kind, int fd) {
    push_table(L, &OBJECTS, "v");
    push_identity(L, fd);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    if (shared_kind_of(L, -1) == kind && kind->descriptor(L, -1) != -1) return true;
    lua_pop(L, 1);
    return false;
}

void shared_receive(lua_State *L, const char *type, int *fd) {
    lua_pushstring(L, type);
    const SharedKind *kind = kind_by(L);
    if (!kind) luaL_error(L, "no kind of shared objects is named '%s' in this process", type);
    luaL_checkstack(L, LUA_MINSTACK, "too many values to receive");
    if (push_living(L, kind, *fd)) return descriptor_close(fd);
    if (kind->attach(L, *fd) == -1)
        luaL_error(L, "cannot attach %s: %s", kind->noun, strerror(errno));
    *fd = -1;
    shared_enter(L, -1);
}

// ---- forks

int shared_keep(lua_State *L, Buffer *fds) {
    int top = lua_gettop(L), kept = 0;
    lua_checkstack(L, LUA_MINSTACK);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &DESCRIPTORS) == LUA_TTABLE) {
        lua_pushnil(L);
        while (kept == 0 && lua_next(L, top + 1)) {
            int fd = (int)lua_tointeger(L, -2);
            kept = buffer_append(fds, &fd, sizeof fd);
            lua_pop(L, 1);
        }
    }
    lua_settop(L, top);
    return kept;
}

static bool holds(const Buffer *fds, int wanted) {
    const int *fd = (const int *)(const void *)buffer_bytes(fds);
    return descriptor_is_among(fd, buffer_size(fds) / sizeof *fd, wanted);
}

void shared_settle(lua_State *L, const Buffer *kept) {
    int top = lua_gettop(L);
    lua_checkstack(L, LUA_MINSTACK);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &OBJECTS) == LUA_TTABLE) {
        lua_pushnil(L);
        while (lua_next(L, top + 1)) {
            const SharedKind *kind = shared_kind_of(L, top + 3);
            if (kind && kind->forked)
                kind->forked(L, top + 3, holds(kept, kind->descriptor(L, top + 3)));
            lua_pop(L, 1);
        }
    }
    lua_settop(L, top);
}
