/* Mapping - memory that parent and children share, and files that have no name. */
#ifndef PARALLEL_LUA_OS_MAPPING_H
#define PARALLEL_LUA_OS_MAPPING_H

#include <stddef.h>

/* `size` zeroed bytes, the same ones in every process forked later. NULL with errno. */
void *mapping_share(size_t size);

/* `size` bytes of such a file as mapping_file makes, the same ones for all who map
 * it; a file that is shorter grows to that. NULL with errno. */
void *mapping_of_file(int fd, size_t size);

void mapping_free(void *mapping, size_t size); // NULL is harmless

/* A file that exists only as this descriptor, close-on-exec, so that nothing
 * is left behind whoever dies: in memory, or where the kernel has no memfd, an
 * unlinked one in $TMPDIR. `name` is seen in /proc only. -1 with errno. */
int mapping_file(const char *name);

#endif
