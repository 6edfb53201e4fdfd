/* What two fresh workers cannot be faster than: a module with
 *
 *     in_two(f)   the sum of f(1) and f(2), each called in a process forked for it
 */
#include <lauxlib.h>
#include <lua.h>
#include <sys/wait.h>
#include <unistd.h>

static void work(lua_State *L, int n, int to) {
    lua_pushvalue(L, 1);
    lua_pushinteger(L, n);
    lua_call(L, 1, 1);
    double result = lua_tonumber(L, -1);
    _exit(write(to, &result, sizeof result) == sizeof result ? 0 : 1);
}

static int limit_in_two(lua_State *L) {
    int ends[2];
    if (pipe(ends) == -1) return luaL_error(L, "no pipe");
    for (int n = 1; n <= 2; n++)
        if (fork() == 0) work(L, n, ends[1]);
    double one, other;
    if (read(ends[0], &one, sizeof one) <= 0 || read(ends[0], &other, sizeof other) <= 0)
        return luaL_error(L, "no result");
    close(ends[0]);
    close(ends[1]);
    while (wait(NULL) > 0) continue;
    lua_pushnumber(L, one + other);
    return 1;
}

int luaopen_fork_limit(lua_State *L);

int luaopen_fork_limit(lua_State *L) {
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, limit_in_two);
    lua_setfield(L, -2, "in_two");
    return 1;
}
