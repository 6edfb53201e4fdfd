/* Testing ledger - adds what the ledger's spec needs to core.testing, in test builds only. */
#ifndef PARALLEL_LUA_LUA_TESTING_LEDGER_H
#define PARALLEL_LUA_LUA_TESTING_LEDGER_H

#include "core/lua/compat.h"

void testing_ledger_register(lua_State *L);

#endif
