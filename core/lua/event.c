#include "core/lua/event.h"

#include "core/lua/core.h"
#include "core/lua/shared.h"
#include "core/lua/sync.h"
#include "core/lua/vigil.h"
#include "core/sync/event.h"

static const char EVENT[] = "parallel.event";

static int core_event(lua_State *L) {
    Sync *sync = sync_push(L, EVENT, sizeof *sync);
    sync_make(L, sync, "event", sizeof(Event));
    return 1;
}

static int attach(lua_State *L, int fd) {
    return sync_attach(L, sync_push(L, EVENT, sizeof(Sync)), fd, sizeof(Event));
}

static Event *check(lua_State *L) {
    const Sync *sync = sync_check(L, EVENT, "event");
    return sync->segment.bytes;
}

static int event_method_set(lua_State *L) {
    event_set(check(L));
    return 0;
}

static int event_method_clear(lua_State *L) {
    event_clear(check(L));
    return 0;
}

static int event_method_is_set(lua_State *L) {
    lua_pushboolean(L, event_is_set(check(L)));
    return 1;
}

static int event_method_wait(lua_State *L) {
    Vigil vigil = vigil_begin(L, sync_deadline(L, 2));
    uint32_t begin = event_begin(check(L));
    int was_set;
    do was_set = event_wait(check(L), begin, vigil.until);
    while (vigil_goes_on(L, &vigil, was_set));
    return sync_return(L, was_set);
}

static const luaL_Reg METHODS[] = {
    {"set", event_method_set},
    {"clear", event_method_clear},
    {"is_set", event_method_is_set},
    {"wait", event_method_wait},
    {"close", sync_close},
    {"__close", sync_close},
    {"__gc", sync_close},
    {NULL, NULL},
};

static const SharedKind KIND = {
    .type = EVENT, .noun = "an event", .attach = attach, .descriptor = sync_descriptor};

void event_register(lua_State *L) {
    core_class(L, EVENT, METHODS);
    shared_kind(L, &KIND);
    lua_pushcfunction(L, core_event);
    lua_setfield(L, -2, "event");
}
