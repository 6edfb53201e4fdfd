/* Filter - another program that turns a file into a stream, such as gzip -dc.
 *
 *     filter_open     start it with the file as its standard input
 *     filter->fd      what it writes, to be read to the end
 *     filter_finish   wait for its end: did it go well?
 *     filter_close    kill it when it still runs
 *
 * It stays in our process group, so that it ends with a worker that is killed. */
#ifndef PARALLEL_LUA_OS_FILTER_H
#define PARALLEL_LUA_OS_FILTER_H

#include <sys/types.h>

enum { FILTER_COMPLAINT = 120 };

typedef struct {
    pid_t pid;  // 0: none runs
    int fd;     // -1: closed
    int errors; // what it complains of, as a file; -1: closed
    const char *program;
    char complaint[FILTER_COMPLAINT]; // why finish failed
} Filter;

#define FILTER_CLOSED ((Filter){.fd = -1, .errors = -1})

/* argv ends with NULL and must live as long as the filter. 0, or -1 with errno:
 * ENOENT with an empty complaint when there is no such file, and with one when
 * there is no such program. */
int filter_open(Filter *filter, char *const argv[], const char *path);

/* 0, or -1 with the reason in filter->complaint; closed in either case. */
int filter_finish(Filter *filter);

void filter_close(Filter *filter);

#endif
