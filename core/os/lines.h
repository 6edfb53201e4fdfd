/* Lines - text written to a descriptor that other processes write to as well, unmixed.
 *
 * One write(2) to a file or a terminal is never mixed with another. To a pipe
 * that holds for 4096 bytes, and a longer one that finds no room is cut where
 * others may come in between. So for pipes and sockets every writer first takes
 * a lock, that of the pipe itself: a record lock, which the kernel gives back
 * when its holder dies, and which all take who came by the same pipe. */
#ifndef PARALLEL_LUA_OS_LINES_H
#define PARALLEL_LUA_OS_LINES_H

#include <stddef.h>

/* The text as one piece, each line with the prefix ("" for none) before it, and
 * then with a newline at the very end, there or not. Waits for room; a reader
 * that is gone gives EPIPE and no signal. 0 or -1 with errno. */
int lines_write(int fd, const char *prefix, const char *text, size_t size);

/* How much of the text is whole lines: up to and with the last newline. */
size_t lines_whole(const char *text, size_t size);

#endif
