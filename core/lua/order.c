#include "core/lua/order.h"

#include <math.h>

static const double MOST_TOP = 0x1p53; // beyond, doubles are no longer every whole number

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
        double top = lua_isnumber(L, -2) ? lua_tonumber(L, -2) : 0; // 4 / 2 is whole too
        if (!(top >= 1 && top <= MOST_TOP && top == floor(top)))
            luaL_error(L, "top must be a whole number from 1 on");
        order.top = (uint64_t)top;
        if (!has_sort) order.by_value = order.desc = true;
    }
    lua_pop(L, 3);
    return order;
}
