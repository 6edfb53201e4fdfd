#include "core/lua/blame.h"

#include <stdarg.h>
#include <string.h>

bool blame_is_ours(const lua_Debug *at) {
    static const char OURS[] = "@parallel/";
    return strncmp(at->source, OURS, sizeof OURS - 1) == 0;
}

static bool is_ours(lua_State *L, int level, bool or_of_c) {
    lua_Debug at;
    if (!lua_getstack(L, level, &at)) return false;
    lua_getinfo(L, "S", &at);
    return blame_is_ours(&at) || (or_of_c && *at.what == 'C');
}

// What the library has called of C, such as pcall, is not the caller either.
static int level_of_caller(lua_State *L) {
    int level = 1;
    while (is_ours(L, level, is_ours(L, level + 1, false))) level++;
    return level;
}

int blame(lua_State *L, const char *format, ...) {
    va_list arguments;
    luaL_where(L, level_of_caller(L));
    va_start(arguments, format);
    lua_pushvfstring(L, format, arguments);
    va_end(arguments);
    lua_concat(L, 2);
    lua_error(L);
}
