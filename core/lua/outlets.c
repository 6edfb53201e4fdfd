#include "core/lua/outlets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/os/descriptor.h"
#include "core/os/lines.h"
#include "core/os/sys.h"

static const int STREAMS[CAPTURES] = {STDOUT_FILENO, STDERR_FILENO};

static const char KEY; // its address: of the worker's outlets in the registry

void outlets_check(lua_State *L, int index, Outlets *outlets) {
    static const char *const WORDS[] = {"inherit", "tag", "ordered", "discard", NULL};
    lua_getfield(L, index, "output");
    outlets->output = (Output)luaL_checkoption(L, -1, "inherit", WORDS);
    lua_getfield(L, index, "name");
    snprintf(outlets->name, sizeof outlets->name, "%s", luaL_optstring(L, -1, "pool"));
    lua_pop(L, 2);
}

static const char *prefix_of(const Outlets *outlets, int worker, char *prefix, size_t size) {
    if (outlets->output != OUTPUT_TAG) return "";
    snprintf(prefix, size, "[%s worker %d] ", outlets->name, worker + 1);
    return prefix;
}

// io.stdout and io.stderr still hold the streams that these were. A file handle
// begins with its stream in both Luas.
static void exchange_handle(lua_State *L, const char *name, const Outlet *outlet) {
    lua_getglobal(L, "io");
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, name);
        FILE **handle = lua_touserdata(L, -1);
        if (handle && lua_rawlen(L, -1) >= sizeof *handle && *handle == outlet->before)
            *handle = outlet->stream;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

// os.execute, and then what the command printed goes out.
static int execute(lua_State *L) {
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    Outlets *outlets = lua_touserdata(L, lua_upvalueindex(2));
    if (outlets->worker == getpid()) outlets_flush(outlets);
    return lua_gettop(L);
}

static void replace_execute(lua_State *L, Outlets *outlets) {
    lua_getglobal(L, "os");
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, "execute");
        lua_pushlightuserdata(L, outlets);
        lua_pushcclosure(L, execute, 2);
        lua_setfield(L, -2, "execute");
    }
    lua_pop(L, 1);
}

static void direct_to_owner(Outlets *outlets, lua_State *L, Self *self) {
    static const char *const NAMES[CAPTURES] = {"stdout", "stderr"};
    const char *prefix = prefix_of(outlets, self->index, outlets->prefix, sizeof outlets->prefix);
    for (int i = 0; i < CAPTURES; i++) {
        if (outlet_open(&outlets->of[i], STREAMS[i], self->capture.files[i],
                        &self->board->carried[i], prefix) == -1)
            continue; // closed in the owner too
        exchange_handle(L, NAMES[i], &outlets->of[i]);
    }
    outlets->open = true;
    outlets->worker = getpid();
    replace_execute(L, outlets);
    lua_pushlightuserdata(L, outlets);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &KEY);
}

// A line at a time, so that those of an item that dies are there.
static void leave_in_capture(Outlets *outlets, Self *self) {
    FILE *streams[CAPTURES] = {stdout, stderr};
    for (int i = 0; i < CAPTURES; i++) {
        outlets->of[i].target = sys.fcntl(STREAMS[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        sys.fcntl(self->capture.files[i], F_SETFL, O_APPEND);
        dup2(self->capture.files[i], STREAMS[i]);
        setvbuf(streams[i], NULL, _IOLBF, BUFSIZ);
    }
    self->reports_output = true;
}

static void discard(void) {
    int null = sys.open("/dev/null", O_WRONLY | O_CLOEXEC, 0);
    for (int i = 0; i < CAPTURES; i++) dup2(null, STREAMS[i]);
    descriptor_close(&null);
}

void outlets_open(Outlets *outlets, lua_State *L, Self *self) {
    switch (outlets->output) {
    case OUTPUT_ORDERED: leave_in_capture(outlets, self); break;
    case OUTPUT_DISCARD: discard(); break;
    default: direct_to_owner(outlets, L, self);
    }
}

void outlets_flush(Outlets *outlets) {
    if (!outlets->open) return;
    for (int i = 0; i < CAPTURES; i++)
        if (outlets->of[i].stream) outlet_flush(&outlets->of[i]);
}

// No item printed it, so that none reports it.
static void show_unreported(const Outlets *outlets, const Self *self) {
    Buffer text = {0};
    for (int i = 0; i < CAPTURES; i++) {
        buffer_clear(&text);
        if (capture_read(&self->capture, i, 0, &text) == 0)
            lines_write(outlets->of[i].target, "", buffer_bytes(&text), buffer_size(&text));
    }
    capture_clear(&self->capture);
    buffer_free(&text);
}

void outlets_leave(Outlets *outlets, const Self *self) {
    fflush(stdout);
    fflush(stderr);
    if (outlets->output == OUTPUT_ORDERED) show_unreported(outlets, self);
}

void outlets_bequeath(const Outlets *outlets, const PoolEvent *death) {
    char space[sizeof outlets->prefix];
    const char *prefix = prefix_of(outlets, death->worker, space, sizeof space);
    if (outlets->output == OUTPUT_ORDERED) return; // the event tells it
    for (int i = 0; i < CAPTURES; i++)
        if (death->printed[i].size)
            lines_write(STREAMS[i], prefix, death->printed[i].bytes, death->printed[i].size);
}

static int core_flush_output(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &KEY);
    Outlets *outlets = lua_touserdata(L, -1);
    bool ours = outlets && outlets->worker == getpid();
    if (ours) outlets_flush(outlets);
    errno = ours ? outlets->of[0].failed : 0;
    return luaL_fileresult(L, errno == 0, NULL);
}

void outlets_register(lua_State *L) {
    lua_pushcfunction(L, core_flush_output);
    lua_setfield(L, -2, "flush_output");
}
