#include "core/lua/testing_shared.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/lua/core.h"
#include "core/lua/shared.h"
#include "core/os/segment.h"

static const char BOX[] = "parallel.testing.box";

static Segment *check_box(lua_State *L) {
    Segment *box = luaL_checkudata(L, 1, BOX);
    if (box->fd == -1) luaL_error(L, "attempt to use a closed box");
    return box;
}

static int push_outcome(lua_State *L, int outcome) {
    if (outcome == 0) return lua_pushboolean(L, 1), 1;
    lua_pushnil(L);
    lua_pushstring(L, strerror(errno));
    return 2;
}

static Segment *box_push(lua_State *L) {
    Segment *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = SEGMENT_CLOSED;
    luaL_setmetatable(L, BOX);
    return box;
}

static int testing_box(lua_State *L) {
    size_t size = (size_t)luaL_checkinteger(L, 1);
    if (segment_make(box_push(L), "box", size) == -1) return push_outcome(L, -1);
    shared_enter(L, -1);
    return 1;
}

static int testing_open_box(lua_State *L) {
    int fd = fcntl((int)luaL_checkinteger(L, 1), F_DUPFD_CLOEXEC, 0);
    if (segment_open(box_push(L), fd) == 0) return 1;
    int result = push_outcome(L, -1);
    close(fd);
    return result;
}

static void check_range(lua_State *L, const Segment *box, size_t at, size_t size) {
    luaL_argcheck(L, at <= box->size && size <= box->size - at, 2, "outside of the box");
}

static int box_read(lua_State *L) {
    Segment *box = check_box(L);
    size_t at = (size_t)luaL_checkinteger(L, 2), size = (size_t)luaL_checkinteger(L, 3);
    check_range(L, box, at, size);
    lua_pushlstring(L, (char *)box->bytes + at, size);
    return 1;
}

static int box_write(lua_State *L) {
    Segment *box = check_box(L);
    size_t at = (size_t)luaL_checkinteger(L, 2), size;
    const char *bytes = luaL_checklstring(L, 3, &size);
    check_range(L, box, at, size);
    memcpy((char *)box->bytes + at, bytes, size);
    return 0;
}

static int box_size(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)check_box(L)->size);
    return 1;
}

static int box_grow(lua_State *L) {
    return push_outcome(L, segment_grow(check_box(L), (size_t)luaL_checkinteger(L, 2)));
}

static int box_refresh(lua_State *L) {
    return push_outcome(L, segment_refresh(check_box(L)));
}

static int box_shorten(lua_State *L) {
    return push_outcome(L, ftruncate(check_box(L)->fd, (off_t)luaL_checkinteger(L, 2)));
}

static int box_fd(lua_State *L) {
    lua_pushinteger(L, check_box(L)->fd);
    return 1;
}

static int box_close(lua_State *L) {
    Segment *box = luaL_checkudata(L, 1, BOX);
    shared_leave(L, box->fd);
    segment_close(box);
    return 0;
}

static int box_attach(lua_State *L, int fd) {
    if (segment_open(box_push(L), fd) == 0) return 0;
    lua_pop(L, 1);
    return -1;
}

static int box_descriptor(lua_State *L, int index) {
    return ((Segment *)lua_touserdata(L, index))->fd;
}

void testing_shared_register(lua_State *L) {
    static const luaL_Reg METHODS[] = {
        {"read", box_read}, {"write", box_write},     {"size", box_size},
        {"grow", box_grow}, {"refresh", box_refresh}, {"shorten", box_shorten},
        {"fd", box_fd},     {"close", box_close},     {"__gc", box_close},
        {NULL, NULL},
    };
    static const luaL_Reg FUNCTIONS[] = {
        {"box", testing_box}, {"open_box", testing_open_box}, {NULL, NULL}};
    static const SharedKind KIND = {
        .type = BOX, .noun = "a box", .attach = box_attach, .descriptor = box_descriptor};
    core_class(L, BOX, METHODS);
    shared_kind(L, &KIND);
    luaL_setfuncs(L, FUNCTIONS, 0);
}
