#include "core/lua/manifest.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/lua/core.h"
#include "core/lua/value.h"
#include "core/shuffle/manifest.h"

typedef struct {
    Manifest manifest;
    pid_t owner; // in a forked copy the number may be another file's
} Handle;

static const char MANIFEST_TYPE[] = "parallel.manifest";

static Manifest *check_open(lua_State *L) {
    Handle *handle = luaL_checkudata(L, 1, MANIFEST_TYPE);
    if (handle->manifest.fd == -1) luaL_error(L, "attempt to use a closed manifest");
    return &handle->manifest;
}

static const char *reason(lua_State *L, pid_t holder) {
    if (errno == EBADMSG) return "it is another kind of file";
    if (errno != EBUSY) return strerror(errno);
    if (!holder) return "another process is using it";
    return lua_pushfstring(L, "process %d is using it", (int)holder);
}

static int core_manifest(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    bool only_read = lua_toboolean(L, 2);
    Handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
    *handle = (Handle){.manifest = MANIFEST_CLOSED, .owner = getpid()};
    luaL_setmetatable(L, MANIFEST_TYPE);
    if (manifest_open(&handle->manifest, path, only_read) == 0) return 1;
    int error = errno;
    const char *why = reason(L, handle->manifest.holder);
    lua_pushnil(L);
    lua_pushstring(L, why);
    lua_pushinteger(L, error);
    return 3;
}

static int method_next(lua_State *L) {
    Manifest *manifest = check_open(L);
    int found = manifest_next(manifest);
    if (found == -1) value_error(L, "cannot read a manifest");
    if (!found) return 0;
    lua_pushlstring(L, manifest->cursor.key, manifest->cursor.key_size);
    lua_pushlstring(L, manifest->cursor.body, manifest->cursor.body_size);
    return 2;
}

static int method_append(lua_State *L) {
    size_t size;
    Manifest *manifest = check_open(L);
    const char *name = luaL_checkstring(L, 2), *body = luaL_checklstring(L, 3, &size);
    return luaL_fileresult(L, manifest_append(manifest, name, body, size) == 0, NULL);
}

static int method_clear(lua_State *L) {
    manifest_clear(check_open(L));
    return 0;
}

// What a forked copy has open is closed with all that its process does not keep.
static int method_close(lua_State *L) {
    Handle *handle = luaL_checkudata(L, 1, MANIFEST_TYPE);
    if (handle->owner != getpid()) handle->manifest.fd = -1;
    manifest_close(&handle->manifest);
    return 0;
}

static const luaL_Reg METHODS[] = {
    {"next", method_next},
    {"append", method_append},
    {"clear", method_clear},
    {"close", method_close},
    {"__close", method_close},
    {"__gc", method_close},
    {NULL, NULL},
};

void manifest_register(lua_State *L) {
    core_class(L, MANIFEST_TYPE, METHODS);
    lua_pushcfunction(L, core_manifest);
    lua_setfield(L, -2, "manifest");
}
