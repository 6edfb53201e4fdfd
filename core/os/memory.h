/* Memory - what the machine can still give, and taking it in time.
 *
 * A file in memory costs nothing until it is written to, and who writes when there is
 * no more is killed by SIGBUS. Memory that is taken beforehand fails by return value. */
#ifndef PARALLEL_LUA_OS_MEMORY_H
#define PARALLEL_LUA_OS_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes could be had now without taking them from other programs, swap
 * included; UINT64_MAX when the system does not say. */
uint64_t memory_available(void);

/* Gives the file, which lies in memory, so many bytes, and takes the memory for them now. 0, or -1
 * with errno: ENOMEM when the machine does not have as much, ENOSPC when the folder may
 * not hold as much. On file systems that cannot, the file merely gets its size. */
int memory_reserve(int fd, size_t size);

/* From this much on, memory that was asked for should be had in large pages: the page faults of
 * small ones take longer than writing to them. */
enum { MEMORY_LARGE = 4 << 20 };

/* Asks for large pages in a block that is private to this process and not written to yet. */
void memory_enlarge_pages(void *block, size_t size);

#endif
