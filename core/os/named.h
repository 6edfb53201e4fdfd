/* Named - memory in a file that unrelated programs find by its name, or that has none.
 *
 * The names are those of shm_open(3), without the slash: files in /dev/shm, of mode 0600.
 * What has no name is gone with the last descriptor of it; what has one stays until it
 * is removed. Such files are read and written, never mapped: whoever else may open one may cut
 * it short, which is an error then, and not a SIGBUS. */
#ifndef PARALLEL_LUA_OS_NAMED_H
#define PARALLEL_LUA_OS_NAMED_H

#include <stddef.h>

/* A name has at most so many bytes, no slash, and is neither "." nor "..": the caller sees to that.
 */
enum { NAMED_MOST = 200 };

/* Makes `size` zeroed bytes, and takes the memory for them. The name, NULL for none, appears when
 * all of it is there. A descriptor, or -1 with errno: EEXIST when there is such a name. */
int named_make(const char *name, size_t size);

/* Opens what has that name. A descriptor, or -1 with errno: ENOENT, EPERM when it is another
 * user's, EINVAL when it is no file. */
int named_open(const char *name);

/* The size of the file now, or -1 with errno. */
long long named_size(int fd);

/* Takes the name away; who has it open keeps it. 0, or -1 with errno. */
int named_remove(const char *name);

#endif
