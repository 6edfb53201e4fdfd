/* A host with four threads that hold locks most of the time, and a Lua script that uses
 * pools meanwhile: a worker that was forked here would wait for one of them for ever.
 *
 *    hammered script.lua */
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static atomic_bool over;

static void *hammer_memory(void *unused) {
    while (!over) free(malloc(100000));
    return unused;
}

static void *hammer_fork(void *unused) {
    while (!over) {
        pid_t pid = fork();
        if (pid == 0) _exit(0);
        if (pid > 0) waitpid(pid, NULL, 0);
    }
    return unused;
}

static void *hammer_date(void *unused) {
    time_t now = time(NULL);
    struct tm date;
    while (!over) localtime_r(&now, &date);
    return unused;
}

static void *hammer_environment(void *unused) {
    while (!over) setenv("HAMMER", "down", 1);
    return unused;
}

int main(int argc, char **argv) {
    void *(*const hammers[])(void *) = {hammer_memory, hammer_fork, hammer_date,
                                        hammer_environment};
    enum { HAMMERS = sizeof hammers / sizeof *hammers };
    pthread_t threads[HAMMERS];
    if (argc != 2) return 2;
    for (int i = 0; i < HAMMERS; i++) pthread_create(&threads[i], NULL, hammers[i], NULL);
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    int failed = luaL_dofile(L, argv[1]);
    if (failed) fprintf(stderr, "%s\n", lua_tostring(L, -1));
    lua_close(L);
    over = 1;
    for (int i = 0; i < HAMMERS; i++) pthread_join(threads[i], NULL);
    return failed;
}
