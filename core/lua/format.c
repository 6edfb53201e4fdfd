#include "core/lua/format.h"

Render *format_check(lua_State *L, int index) {
    const char *name = lua_tostring(L, index);
    Render *render = name ? render_find(name) : NULL;
    if (!render) luaL_error(L, "no format is called '%s'", name ? name : luaL_typename(L, index));
    return render;
}
