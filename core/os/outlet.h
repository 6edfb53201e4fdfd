/* Outlet - the stdout or stderr of a worker, which goes out in whole lines.
 *
 *     print, printf  ->  stream of the outlet  -+
 *                                               +-> whole lines, at once  ->  where 1 or 2 led to
 *     commands, C code that writes to 1 or 2    |
 *                            -> capture file  --+
 *
 * What the process itself prints is a line when its newline comes, and then
 * goes out at once. Whatever else writes to descriptor 1 or 2, commands above
 * all, writes to a file in memory instead; what is in there goes out before the
 * next line that the process prints, and when it is flushed. How far it went
 * is kept in shared memory: the rest of a killed worker can be had from the file.
 *
 * A process that is forked from this one, and knows nothing of it, prints to
 * its descriptor 1 or 2 as always, still in whole lines. */
#ifndef PARALLEL_LUA_OS_OUTLET_H
#define PARALLEL_LUA_OS_OUTLET_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

typedef struct {
    int fd;                    // 1 or 2
    int target;                // where lines go
    int captured;              // the file that `fd` leads to now
    _Atomic uint64_t *carried; // so many bytes of the file went out
    const char *prefix;
    FILE *stream, *before; // stdout or stderr as it is now, and as it was
    pid_t owner;
    char *line; // the unfinished one
    size_t size, capacity;
    int failed; // errno of the first write that did, or 0
} Outlet;

/* From now on `fd` (1 or 2) and stdout or stderr lead through the outlet. It and
 * `prefix`, which is put before each line, live as long as the process. 0, or -1
 * with errno, all as it was and no stream. */
int outlet_open(Outlet *outlet, int fd, int captured, _Atomic uint64_t *carried,
                const char *prefix);

/* In the process that opened it: all that was printed goes out, an unfinished line too: a task or a
 * command has ended. */
void outlet_flush(Outlet *outlet);

#endif
