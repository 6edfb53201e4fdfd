#include "core/lua/recruit.h"

#include <stdlib.h>

#include "core/lua/failed.h"
#include "core/lua/heap.h"
#include "core/lua/parcel.h"
#include "core/lua/service.h"
#include "core/os/template.h"
#include "core/pool/recruit.h"

enum { NUMBERS = 1, OPEN = 2 }; // the arguments, where they lie on the stack

// As process_enter and template_serve want it; on the stack of a function that never returns.
typedef struct {
    LuaService service;
    TemplateOrder given;
} Recruit;

static int open_service(lua_State *L) {
    LuaService *own = lua_touserdata(L, 1);
    lua_call(L, 2, 1); // open(letter, parcel)
    luaL_checktype(L, 2, LUA_TTABLE);
    service_refer(own, L, 2);
    return 0;
}

static int learn(void *context, Self *self, const char *letter, size_t size, Buffer *reply) {
    LuaService *own = context;
    lua_State *L = own->L;
    int base = lua_gettop(L);
    lua_pushcfunction(L, failed_handler);
    lua_pushcfunction(L, open_service);
    lua_pushlightuserdata(L, own);
    lua_pushvalue(L, OPEN);
    lua_pushlstring(L, letter, size);
    parcel_push(L, self->handles, self->handle_count);
    int failed = lua_pcall(L, 4, 0, base + 1) != 0;
    if (failed && failed_write(L, 0, reply) == -1) _exit(SERVE_BROKEN); // no memory even to say so
    lua_settop(L, base);
    return failed ? -1 : 0;
}

static int live(void *context, int life) {
    Recruit *recruit = context;
    Service service = service_of(&recruit->service);
    service.learn = learn;
    const TemplateOrder *given = &recruit->given;
    if (given->count <= RECRUIT_GIVEN) return SERVE_BROKEN;
    return recruit_serve(given->numbers + given->count - RECRUIT_GIVEN, life, &service);
}

static int live_as_template(void *context, int life) {
    (void)life;
    Recruit *recruit = context;
    heap_age(recruit->service.L);
    template_serve(recruit->given.numbers[PROCESS_TIES], &recruit->given, live, recruit);
    return SERVE_DONE;
}

static TemplateOrder check_numbers(lua_State *L) {
    TemplateOrder order = {0};
    const char *at = luaL_checkstring(L, NUMBERS);
    for (char *end; *at && order.count < TEMPLATE_MOST; at = *end ? end + 1 : end)
        order.numbers[order.count++] = (int)strtol(at, &end, 10);
    luaL_argcheck(L, order.count > PROCESS_TIES && !*at, NUMBERS, "descriptors expected");
    luaL_checktype(L, OPEN, LUA_TFUNCTION);
    return order;
}

static int enter(lua_State *L, ProcessMain *main) {
    Recruit recruit = {.service = service_none(L), .given = check_numbers(L)};
    TemplateOrder given = recruit.given; // a template's own list changes with each order
    process_enter(given.numbers, given.count, template_ties(&given), main, &recruit);
}

static int core_recruit(lua_State *L) {
    return enter(L, live);
}

static int core_recruit_template(lua_State *L) {
    return enter(L, live_as_template);
}

static const luaL_Reg FUNCTIONS[] = {
    {"recruit", core_recruit},
    {"recruit_template", core_recruit_template},
    {NULL, NULL},
};

void recruit_register(lua_State *L) {
    luaL_setfuncs(L, FUNCTIONS, 0);
}
