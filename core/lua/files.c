#include "core/lua/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/lua/core.h"
#include "core/os/sys.h"

#define LISTING "parallel.listing"

static int close_keeping_errno(int fd) {
    int saved = errno;
    close(fd);
    errno = saved;
    return 0;
}

// O_PATH finds the file, or with O_NOFOLLOW the link, without opening it.
static int stat_path(const char *path, int flags, struct stat *info) {
    int fd = sys.open(path, O_PATH | O_CLOEXEC | flags, 0);
    if (fd == -1) return -1;
    int result = sys.fstat(fd, info);
    close_keeping_errno(fd);
    return result;
}

static int try_to_open(const char *path) {
    int fd = sys.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    return fd == -1 ? -1 : close_keeping_errno(fd);
}

static int files_stat(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    struct stat info;
    if (stat_path(path, lua_toboolean(L, 2) ? O_NOFOLLOW : 0, &info) == -1)
        return core_cannot(L, "open", path);
    bool is_file = S_ISREG(info.st_mode), is_directory = S_ISDIR(info.st_mode);
    if ((is_file || is_directory) && try_to_open(path) == -1) return core_cannot(L, "open", path);
    const char *otherwise = S_ISFIFO(info.st_mode) ? "pipe" : "other";
    lua_pushstring(L, is_file ? "file" : is_directory ? "directory" : otherwise);
    lua_pushinteger(L, (lua_Integer)info.st_size);
    lua_pushnumber(L, (lua_Number)info.st_mtim.tv_sec + (lua_Number)info.st_mtim.tv_nsec * 1e-9);
    return 3;
}

typedef struct {
    struct dirent **entries; // as scandir allocates them
    int count;
} Listing;

static void listing_free(Listing *listing) {
    for (int i = 0; i < listing->count; i++) free(listing->entries[i]);
    free(listing->entries);
    *listing = (Listing){0};
}

static int listing_gc(lua_State *L) {
    listing_free(luaL_checkudata(L, 1, LISTING));
    return 0;
}

static int is_listed(const struct dirent *entry) {
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int listing_read(Listing *listing, const char *path) {
    int fd = sys.open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY, 0);
    if (fd == -1) return -1;
    int count = scandirat(fd, ".", &listing->entries, is_listed, by_bytes);
    close_keeping_errno(fd);
    if (count == -1) return -1;
    listing->count = count;
    return 0;
}

static int files_list(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    Listing *listing = lua_newuserdatauv(L, sizeof *listing, 0);
    *listing = (Listing){0}; // empty, so that __gc is safe
    luaL_setmetatable(L, LISTING);
    if (listing_read(listing, path) == -1) return core_cannot(L, "open", path);
    lua_createtable(L, listing->count, 0);
    for (int i = 0; i < listing->count; i++) {
        lua_pushstring(L, listing->entries[i]->d_name);
        lua_rawseti(L, -2, i + 1);
    }
    listing_free(listing);
    return 1;
}

static const luaL_Reg FUNCTIONS[] = {
    {"stat", files_stat},
    {"list", files_list},
    {NULL, NULL},
};

void files_register(lua_State *L) {
    luaL_newmetatable(L, LISTING);
    lua_pushcfunction(L, listing_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_setfuncs(L, FUNCTIONS, 0);
}
