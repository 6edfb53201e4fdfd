#include "core/lua/shared_memory.h"

#include <errno.h>
#include <string.h>

#include "core/lua/core.h"
#include "core/lua/shared.h"
#include "core/os/descriptor.h"
#include "core/os/named.h"
#include "core/os/sys.h"

static const char MEMORY[] = "parallel.memory";

typedef struct {
    int fd;
    size_t size; // when it was made or attached
} SharedMemory;

static SharedMemory *memory_push(lua_State *L) {
    SharedMemory *memory = lua_newuserdatauv(L, sizeof *memory, 0);
    *memory = (SharedMemory){.fd = -1};
    luaL_setmetatable(L, MEMORY);
    return memory;
}

static int refuse(lua_State *L, const char *verb, const char *name, const char *why) {
    lua_pushnil(L);
    if (name)
        lua_pushfstring(L, "cannot %s shared memory '%s': %s", verb, name, why);
    else
        lua_pushfstring(L, "cannot %s shared memory: %s", verb, why);
    return 2;
}

static int core_shared_memory(lua_State *L) {
    const char *name = luaL_optstring(L, 1, NULL);
    lua_Integer size = luaL_checkinteger(L, 2);
    SharedMemory *memory = memory_push(L);
    memory->fd = named_make(name, (size_t)size);
    if (memory->fd == -1) return refuse(L, "make", name, strerror(errno));
    memory->size = (size_t)size;
    shared_enter(L, -1);
    return 1;
}

// The descriptor is taken over when this succeeds. 0, or -1 with errno.
static int open_memory(SharedMemory *memory, int fd) {
    long long size = named_size(fd);
    if (size == 0) errno = EINVAL;
    if (size <= 0) return -1;
    *memory = (SharedMemory){.fd = fd, .size = (size_t)size};
    return 0;
}

static int refuse_to_attach(lua_State *L, const char *name) {
    const char *why = errno == EPERM ? "it belongs to another user" : strerror(errno);
    return refuse(L, "attach", name, why);
}

static int core_attach_memory(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    SharedMemory *memory = memory_push(L);
    int fd = named_open(name);
    if (fd == -1) return refuse_to_attach(L, name);
    if (open_memory(memory, fd) == -1) {
        descriptor_close(&fd);
        return refuse_to_attach(L, name);
    }
    shared_enter(L, -1);
    return 1;
}

static int attach(lua_State *L, int fd) {
    if (open_memory(memory_push(L), fd) == 0) return 0;
    lua_pop(L, 1);
    return -1;
}

static int descriptor(lua_State *L, int index) {
    const SharedMemory *memory = lua_touserdata(L, index);
    return memory->fd;
}

static int core_unlink_memory(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    if (named_remove(name) == -1) return refuse(L, "unlink", name, strerror(errno));
    lua_pushboolean(L, 1);
    return 1;
}

static int check(lua_State *L) {
    const SharedMemory *memory = luaL_checkudata(L, 1, MEMORY);
    if (memory->fd == -1) luaL_error(L, "attempt to use a closed shared memory");
    return memory->fd;
}

static int transfer_failed(lua_State *L, const char *verb, ssize_t moved) {
    const char *why = moved == 0 ? "it was cut short" : strerror(errno);
    return luaL_error(L, "cannot %s shared memory: %s", verb, why);
}

static int memory_method_read(lua_State *L) {
    int fd = check(L);
    off_t offset = (off_t)luaL_checkinteger(L, 2);
    size_t size = (size_t)luaL_checkinteger(L, 3);
    char *bytes = lua_newuserdatauv(L, size, 0);
    for (size_t done = 0; done < size;) {
        ssize_t count = sys.pread(fd, bytes + done, size - done, offset + (off_t)done);
        if (count > 0)
            done += (size_t)count;
        else if (count == 0 || errno != EINTR)
            return transfer_failed(L, "read", count);
    }
    lua_pushlstring(L, bytes, size);
    return 1;
}

static int memory_method_write(lua_State *L) {
    int fd = check(L);
    off_t offset = (off_t)luaL_checkinteger(L, 2);
    size_t size;
    const char *bytes = luaL_checklstring(L, 3, &size);
    if (descriptor_write_at(fd, bytes, size, offset) == -1) return transfer_failed(L, "write", -1);
    return 0;
}

static int memory_method_count(lua_State *L) {
    const SharedMemory *memory = luaL_checkudata(L, 1, MEMORY);
    lua_pushinteger(L, (lua_Integer)memory->size);
    return 1;
}

static int memory_method_close(lua_State *L) {
    SharedMemory *memory = luaL_checkudata(L, 1, MEMORY);
    shared_leave(L, memory->fd);
    descriptor_close(&memory->fd);
    return 0;
}

static const luaL_Reg METHODS[] = {
    {"read", memory_method_read},   {"write", memory_method_write}, {"count", memory_method_count},
    {"close", memory_method_close}, {"__gc", memory_method_close},  {NULL, NULL},
};

static const SharedKind KIND = {
    .type = MEMORY, .noun = "shared memory", .attach = attach, .descriptor = descriptor};

static const luaL_Reg FUNCTIONS[] = {
    {"shared_memory", core_shared_memory},
    {"attach_memory", core_attach_memory},
    {"unlink_memory", core_unlink_memory},
    {NULL, NULL},
};

void shared_memory_register(lua_State *L) {
    core_class(L, MEMORY, METHODS);
    shared_kind(L, &KIND);
    luaL_setfuncs(L, FUNCTIONS, 0);
}
