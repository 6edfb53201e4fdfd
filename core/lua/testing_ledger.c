/* What the ledger's spec needs: one that is written and then damaged here. */
#include "core/lua/testing_ledger.h"

#include <string.h>

#include "core/pool/ledger.h"

enum { CAPACITY = 256 };

static void write_entries(lua_State *L, Ledger *ledger) {
    for (int i = 1; i <= (int)lua_rawlen(L, 2); i++) {
        lua_rawgeti(L, 2, i);
        size_t size;
        const char *bytes = luaL_checklstring(L, -1, &size);
        luaL_argcheck(L, size <= ledger_room(ledger), 2, "no room for these entries");
        memcpy(ledger_tail(ledger), bytes, size);
        ledger_commit(ledger, size);
        lua_pop(L, 1);
    }
}

// testing.ledger(task, entries, reader, place, bit): what a reader who expects that task finds
// when the entries were committed, and this bit of the byte at the place (from 0) of the page
// is then turned; without place, of the undamaged page.
static int testing_ledger(lua_State *L) {
    lua_settop(L, 5);
    LedgerPage *page = lua_newuserdatauv(L, sizeof *page + CAPACITY, 0);
    memset(page, 0, sizeof *page + CAPACITY);
    Ledger ledger = {.page = page, .capacity = CAPACITY};
    ledger_begin(&ledger, (uint64_t)luaL_checkinteger(L, 1));
    write_entries(L, &ledger);
    lua_Integer place = luaL_optinteger(L, 4, -1);
    luaL_argcheck(L, place < (lua_Integer)sizeof *page + CAPACITY, 4, "beyond the page");
    if (place >= 0) ((char *)page)[place] ^= (char)(1 << luaL_checkinteger(L, 5));
    size_t size = ledger_read(page, CAPACITY, (uint64_t)luaL_checkinteger(L, 3));
    lua_pushlstring(L, page->bytes, size);
    return 1;
}

void testing_ledger_register(lua_State *L) {
    lua_pushcfunction(L, testing_ledger);
    lua_setfield(L, -2, "ledger");
    lua_pushinteger(L, sizeof(LedgerPage) + CAPACITY);
    lua_setfield(L, -2, "ledger_size");
}
