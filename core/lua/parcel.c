#include "core/lua/parcel.h"

#include <string.h>
#include <unistd.h>

#include "core/lua/core.h"
#include "core/lua/shared.h"
#include "core/os/descriptor.h"
#include "core/wire/bundle.h"

static const char ARRIVAL[] = "parallel.core.arrival";

// A descriptor that came, and is no object yet.
typedef struct {
    int fd;      // -1: it is, or never was
    pid_t owner; // in a forked copy the number may be another file's
} Arrival;

static int arrival_gc(lua_State *L) {
    Arrival *arrival = luaL_checkudata(L, 1, ARRIVAL);
    if (arrival->owner == getpid()) descriptor_close(&arrival->fd);
    return 0;
}

void parcel_push(lua_State *L, int *fds, size_t count) {
    if (count == 0) return lua_pushnil(L);
    luaL_checkstack(L, LUA_MINSTACK, "too many values to receive");
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        Arrival *arrival = lua_newuserdatauv(L, sizeof *arrival, 0);
        *arrival = (Arrival){.fd = -1, .owner = getpid()};
        luaL_setmetatable(L, ARRIVAL);
        if (fds) {
            arrival->fd = fds[i];
            fds[i] = -1;
        }
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static int descriptor_of(lua_State *L, int index) {
    const SharedKind *kind = shared_kind_of(L, index);
    if (!kind) luaL_error(L, "a %s is no shared object", luaL_typename(L, index));
    int fd = kind->descriptor(L, index);
    if (fd == -1) luaL_error(L, "%s that is closed cannot be sent", kind->noun);
    return fd;
}

size_t parcel_descriptors(lua_State *L, int index, int *fds) {
    if (lua_isnoneornil(L, index)) return 0;
    luaL_checktype(L, index, LUA_TTABLE);
    size_t count = lua_rawlen(L, index);
    luaL_argcheck(L, count <= BUNDLE_MOST, index, "too many shared objects in one message");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        fds[i] = descriptor_of(L, -1);
        lua_pop(L, 1);
    }
    return count;
}

// With an arrival on top: it becomes an object of this type, which takes its
// place in the list too.
static void unpack(lua_State *L, int index, lua_Integer i, const char *type, Arrival *arrival) {
    shared_receive(L, type, &arrival->fd);
    lua_remove(L, -2);
    lua_pushvalue(L, -1);
    lua_rawseti(L, index, i);
}

bool parcel_object(lua_State *L, int index, lua_Integer i, const char *type) {
    if (!lua_istable(L, index)) return false;
    lua_rawgeti(L, index, i);
    Arrival *arrival = luaL_testudata(L, -1, ARRIVAL);
    if (arrival && (arrival->fd == -1 || arrival->owner != getpid()))
        luaL_error(L, "a shared object was lost: this process may open no more files");
    if (arrival) {
        unpack(L, index, i, type, arrival);
        return true;
    }
    const SharedKind *kind = shared_kind_of(L, -1);
    if (kind && strcmp(kind->type, type) == 0) return true;
    lua_pop(L, 1);
    return false;
}

void parcel_register(lua_State *L) {
    static const luaL_Reg METHODS[] = {{"__gc", arrival_gc}, {NULL, NULL}};
    core_class(L, ARRIVAL, METHODS);
}
