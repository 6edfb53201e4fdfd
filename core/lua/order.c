#include "core/lua/order.h"

Order order_check(lua_State *L, int index) {
    static const char *const NAMES[] = {"key", "value", NULL};
    Order order = {0};
    lua_getfield(L, index, "sort");
    lua_getfield(L, index, "top");
    lua_getfield(L, index, "desc");
    bool has_sort = !lua_isnil(L, -3), has_top = !lua_isnil(L, -2);
    if (has_sort) order.by_value = luaL_checkoption(L, lua_gettop(L) - 2, NULL, NAMES) == 1;
    order.desc = lua_toboolean(L, -1);
    if (has_top) {
        if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) < 1)
            luaL_error(L, "top must be a whole number from 1 on");
        order.top = (uint64_t)lua_tointeger(L, -2);
        if (!has_sort) order.by_value = order.desc = true;
    }
    lua_pop(L, 3);
    return order;
}
