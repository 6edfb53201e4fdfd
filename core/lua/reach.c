#include "core/lua/reach.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "core/lua/collected.h"
#include "core/lua/core.h"
#include "core/lua/seen.h"
#include "core/lua/shared.h"
#include "core/os/descriptor.h"

enum {
    LONG = 1000, // values found: then it pays to ask whether there is any descriptor to find
    SMALL = 8    // fields
};

// What was found and not looked into yet lies in the list; all that was ever found in `seen`.
typedef struct {
    lua_State *L;
    int list; // stack index
    lua_Integer count;
    int found; // at most LONG
    bool futile;
    Seen *seen;
    Buffer *fds;
} Reach;

static int seen_gc(lua_State *L) {
    seen_free(lua_touserdata(L, 1));
    return 0;
}

// The state's own, whose memory serves again: fresh pages cost more than the search.
static Seen *push_seen(lua_State *L) {
    static const luaL_Reg METHODS[] = {{"__gc", seen_gc}, {NULL, NULL}};
    static const char SEEN[] = "parallel.reach.seen"; // the type, and the key in the registry
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, SEEN) == LUA_TUSERDATA) return lua_touserdata(L, -1);
    lua_pop(L, 1);
    core_class(L, SEEN, METHODS);
    Seen *seen = lua_newuserdatauv(L, sizeof *seen, 0);
    *seen = (Seen){0};
    luaL_setmetatable(L, SEEN);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, SEEN);
    return seen;
}

static bool may_hold(int type) {
    return type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TUSERDATA;
}

// Programs with much to look through often have no descriptor that could be found.
static bool is_futile(Reach *r) {
    Buffer *kept = collected_buffer(r->L);
    if (shared_keep(r->L, kept) == -1) luaL_error(r->L, "not enough memory");
    const int *fds = (const int *)(const void *)buffer_bytes(kept);
    bool any = descriptor_any_besides(fds, buffer_size(kept) / sizeof *fds);
    buffer_free(kept);
    lua_pop(r->L, 1);
    return !any;
}

// Most tables of large data are small records of strings and numbers: to look into one at once,
// even if that is done each time that it is found, costs less than to note it.
static bool is_plain(lua_State *L, int table) {
    int top = lua_gettop(L), seen = 0;
    if (lua_getmetatable(L, table)) {
        lua_settop(L, top);
        return false;
    }
    lua_pushnil(L);
    while (lua_next(L, table)) {
        bool holds = may_hold(lua_type(L, top + 1)) || may_hold(lua_type(L, top + 2));
        lua_settop(L, top + 1);
        if (holds || ++seen > SMALL) {
            lua_settop(L, top);
            return false;
        }
    }
    return true;
}

// The value at the index is noted, unless it was before.
static void find(Reach *r, int value) {
    lua_State *L = r->L;
    int type = lua_type(L, value);
    if (!may_hold(type)) return;
    if (r->found < LONG && ++r->found == LONG) r->futile = is_futile(r);
    if (type == LUA_TTABLE && is_plain(L, value)) return;
    size_t place = 0;
    int noted = seen_note(r->seen, lua_topointer(L, value), &place);
    if (noted == -1) luaL_error(L, "not enough memory");
    if (noted == 0) return;
    lua_pushvalue(L, value);
    lua_rawseti(L, r->list, ++r->count);
}

static void keep(Reach *r, int fd) {
    if (fd < 0) return;
    if (buffer_append(r->fds, &fd, sizeof fd) == -1) luaL_error(r->L, "not enough memory");
}

// ---- what holds what

static void look_into_table(Reach *r, int table) {
    lua_State *L = r->L;
    int key = lua_gettop(L) + 1;
    lua_pushnil(L);
    while (!r->futile && lua_next(L, table)) {
        find(r, key);
        find(r, key + 1);
        lua_settop(L, key);
    }
}

static void look_into_function(Reach *r, int function) {
    for (int i = 1; lua_getupvalue(r->L, function, i); i++) {
        find(r, lua_gettop(r->L));
        lua_pop(r->L, 1);
    }
}

static int file_descriptor(lua_State *L, int index) {
#if LUA_VERSION_NUM >= 502
    luaL_Stream *stream = luaL_testudata(L, index, LUA_FILEHANDLE);
    return stream && stream->closef ? fileno(stream->f) : -1;
#else
    FILE **stream = luaL_testudata(L, index, LUA_FILEHANDLE);
    return stream && *stream ? fileno(*stream) : -1;
#endif
}

// Pushes the userdata's method of this name, when that is to be had without running anything.
static bool push_method(lua_State *L, int userdata, const char *name) {
    if (luaL_getmetafield(L, userdata, "__index") == LUA_TNIL) return false;
    if (lua_istable(L, -1)) {
        lua_pushstring(L, name);
        lua_rawget(L, -2);
        if (lua_isfunction(L, -1)) return true;
    }
    return false;
}

// The value on top, which may be anything; -1: no descriptor.
static int descriptor_number(lua_State *L) {
    lua_Number n = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;
    return n >= 0 && n <= INT_MAX ? (int)n : -1;
}

// As sockets of other libraries tell it to event loops: LuaSocket, cqueues.
static int foreign_descriptor(lua_State *L, int userdata) {
    static const char *const METHODS[] = {"getfd", "pollfd"};
    int fd = -1, top = lua_gettop(L);
    for (int i = 0; i < 2 && fd == -1; i++) {
        if (push_method(L, userdata, METHODS[i])) {
            lua_pushvalue(L, userdata);
            if (lua_pcall(L, 1, 1, 0) == LUA_OK) fd = descriptor_number(L);
        }
        lua_settop(L, top);
    }
    return fd;
}

static void push_companion(lua_State *L, int userdata) {
#if LUA_VERSION_NUM >= 504
    lua_getiuservalue(L, userdata, 1);
#else
    lua_getfenv(L, userdata);
#endif
}

// One that was found before, such as by way of the globals, is not lent once more.
static void keep_object(Reach *r, const SharedKind *kind, int userdata) {
    int fd = kind->descriptor(r->L, userdata);
    const int *kept = (const int *)(const void *)buffer_bytes(r->fds);
    bool lent = !kind->lend || fd == -1 ||
                descriptor_is_among(kept, buffer_size(r->fds) / sizeof *kept, fd);
    keep(r, fd);
    if (!lent) kind->lend(r->L, userdata);
}

static void look_into_userdata(Reach *r, int userdata) {
    const SharedKind *kind = shared_kind_of(r->L, userdata);
    if (kind && kind->forked) keep_object(r, kind, userdata);
    keep(r, file_descriptor(r->L, userdata));
    if (!kind) keep(r, foreign_descriptor(r->L, userdata));
    push_companion(r->L, userdata);
    find(r, lua_gettop(r->L));
}

static void look_into(Reach *r) {
    lua_State *L = r->L;
    int value = lua_gettop(L);
    if (lua_getmetatable(L, value)) find(r, value + 1);
    switch (lua_type(L, value)) {
    case LUA_TTABLE: look_into_table(r, value); break;
    case LUA_TFUNCTION: look_into_function(r, value); break;
    default: look_into_userdata(r, value);
    }
    lua_settop(L, value - 1);
}

void reach_descriptors(lua_State *L, int first, int count, Buffer *fds) {
    int top = lua_gettop(L);
    luaL_checkstack(L, LUA_MINSTACK, "no room to look at values");
    lua_newtable(L);
    Reach reach = {.L = L, .list = top + 1, .seen = push_seen(L), .fds = fds};
    seen_clear(reach.seen); // an error may have ended the last search
    for (int i = 0; i < count; i++) find(&reach, first + i);
    while (reach.count > 0 && !reach.futile) {
        lua_rawgeti(L, reach.list, reach.count--);
        look_into(&reach);
    }
    seen_clear(reach.seen);
    lua_settop(L, top);
}

static int core_reach(lua_State *L) {
    int count = lua_gettop(L);
    Buffer *fds = collected_buffer(L);
    reach_descriptors(L, 1, count, fds);
    const int *fd = (const int *)(const void *)buffer_bytes(fds);
    lua_newtable(L);
    for (size_t i = 0; i < buffer_size(fds) / sizeof *fd; i++) {
        lua_pushinteger(L, fd[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

void reach_register(lua_State *L) {
    lua_pushcfunction(L, core_reach);
    lua_setfield(L, -2, "reach");
}
