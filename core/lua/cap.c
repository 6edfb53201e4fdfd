#include "core/lua/cap.h"

#include <stdint.h>

// A new block comes with its type in place of its old size.
static void *allocate(void *context, void *block, size_t old, size_t size) {
    Cap *cap = context;
    size_t had = block ? old : 0;
    if (size > had && (size - had > cap->most || cap->used > cap->most - (size - had))) {
        cap->exceeded = true;
        return NULL;
    }
    void *made = cap->allocate(cap->context, block, old, size);
    if (made || size == 0) cap->used += size - had;
    return made;
}

void cap_install(Cap *cap, lua_State *L, size_t most) {
    *cap = (Cap){.used = cap_used(L), .most = most};
    cap->allocate = lua_getallocf(L, &cap->context);
    lua_setallocf(L, allocate, cap);
}

bool cap_lift(Cap *cap) {
    if (cap->exceeded) cap->most = SIZE_MAX;
    return cap->exceeded;
}

size_t cap_used(lua_State *L) {
    return (size_t)lua_gc(L, LUA_GCCOUNT, 0) * 1024 + (size_t)lua_gc(L, LUA_GCCOUNTB, 0);
}
