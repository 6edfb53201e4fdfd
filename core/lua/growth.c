#include "core/lua/growth.h"

#include <stdbool.h>

#include "core/os/memory.h"

typedef struct {
    lua_Alloc allocate; // the state's own, which still does the work
    void *context;
} Growth;

// A new block comes with its type in place of its old size.
static void *allocate(void *context, void *block, size_t old, size_t size) {
    const Growth *growth = context;
    void *made = growth->allocate(growth->context, block, old, size);
    if (made && size >= MEMORY_LARGE && (!block || size > old)) memory_enlarge_pages(made, size);
    return made;
}

int growth_call(lua_State *L, int arguments) {
    int base = lua_gettop(L) - arguments - 1;
    bool collects = lua_gc(L, LUA_GCISRUNNING, 0);
    Growth growth;
    growth.allocate = lua_getallocf(L, &growth.context);
    lua_gc(L, LUA_GCSTOP, 0);
    lua_setallocf(L, allocate, &growth);
    int status = lua_pcall(L, arguments, LUA_MULTRET, 0);
    lua_setallocf(L, growth.allocate, growth.context);
    if (collects) lua_gc(L, LUA_GCRESTART, 0);
    if (status != 0) lua_error(L);
    return lua_gettop(L) - base;
}

int growth_of(lua_State *L, lua_CFunction function) {
    lua_pushcfunction(L, function);
    lua_insert(L, 1);
    return growth_call(L, lua_gettop(L) - 1);
}
