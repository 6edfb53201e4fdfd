/* Aside - a file that is written beside its place, and takes it when it is whole.
 *
 *     aside_open     begin; nothing is seen under the path yet
 *     aside_keep     what was written is the file of that path from now on
 *     aside_close    gives up what was not kept, as the end of the process does
 *
 * The file has no name until it is kept, where the file system can do that, so
 * that nothing is left behind by a process that is killed. What is no regular
 * file (a terminal, a pipe, /dev/null) is written to directly. */
#ifndef PARALLEL_LUA_OS_ASIDE_H
#define PARALLEL_LUA_OS_ASIDE_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct {
    int fd;          // what to write to; -1: closed
    char *path;      // links followed
    char *temporary; // the name that it has, or will have for a moment
    bool direct;     // it is written in its place
    bool named;      // the temporary name exists
    pid_t owner;     // in a forked copy the names are not ours to take back
} Aside;

#define ASIDE_CLOSED ((Aside){.fd = -1})

/* 0, or -1 with errno and *aside closed. A file that was there keeps its mode. */
int aside_open(Aside *aside, const char *path);

/* 0, or -1 with errno; the aside is closed in either case. */
int aside_keep(Aside *aside);

void aside_close(Aside *aside);

#endif
