#include "core/lua/blame.h"

#include <stdarg.h>
#include <string.h>

bool blame_is_ours(const lua_Debug *at) {
    static const char OURS[] = "@parallel/";
    return strncmp(at->source, OURS, sizeof OURS - 1) == 0;
}

static int level_of_caller(lua_State *L) {
    lua_Debug at;
    int level = 1;
    while (lua_getstack(L, level, &at) && lua_getinfo(L, "S", &at) && blame_is_ours(&at)) level++;
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
