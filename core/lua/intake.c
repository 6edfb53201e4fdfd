#include "core/lua/intake.h"

#include <errno.h>
#include <string.h>

#include "core/lua/core.h"
#include "core/lua/value.h"
#include "core/shuffle/intake.h"

static const char INTAKE[] = "parallel.intake";

// The name of the kind may be the separator, and is kept for as long as the intake lives.
static int core_intake(lua_State *L) {
    size_t size;
    int fd = (int)luaL_checkinteger(L, 1);
    const char *name = luaL_checklstring(L, 2, &size);
    luaL_argcheck(L, size > 0, 2, "the separator is empty");
    Intake *intake = lua_newuserdatauv(L, sizeof *intake + size, 0);
    char *copy = memcpy(intake + 1, name, size);
    intake_open(intake, fd, record_kind(copy, size));
    luaL_setmetatable(L, INTAKE);
    return 1;
}

static Intake *check(lua_State *L) {
    return luaL_checkudata(L, 1, INTAKE);
}

static int method_read(lua_State *L) {
    int got = intake_read(check(L));
    if (got == -1) {
        lua_pushfstring(L, "cannot read '-': %s", strerror(errno));
        return lua_error(L); // without the place in our own files
    }
    lua_pushboolean(L, got);
    return 1;
}

static int method_line(lua_State *L) {
    const char *line;
    size_t size;
    if (!intake_line(check(L), &line, &size)) return 0;
    if (size && line[size - 1] == '\n') size--;
    lua_pushlstring(L, line, size);
    return 1;
}

static int method_cut(lua_State *L) {
    Region piece;
    int cut =
        intake_cut(check(L), (int)luaL_checkinteger(L, 2), (size_t)luaL_checkinteger(L, 3), &piece);
    if (cut == -1) return value_error(L, "cannot keep input");
    if (!cut) return 0;
    lua_pushinteger(L, (lua_Integer)piece.offset);
    lua_pushinteger(L, (lua_Integer)piece.length);
    return 2;
}

static int method_ended(lua_State *L) {
    lua_pushboolean(L, check(L)->ended);
    return 1;
}

static int method_gc(lua_State *L) {
    intake_free(check(L));
    return 0;
}

static const luaL_Reg METHODS[] = {
    {"read", method_read},   {"line", method_line}, {"cut", method_cut},
    {"ended", method_ended}, {"__gc", method_gc},   {NULL, NULL},
};

void intake_register(lua_State *L) {
    core_class(L, INTAKE, METHODS);
    lua_pushcfunction(L, core_intake);
    lua_setfield(L, -2, "intake");
}
