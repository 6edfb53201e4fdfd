/* Segment - memory that several processes hold, in a file without a name.
 *
 * A process has it by making it, by inheriting it through fork (with its
 * descriptor kept open), or by opening a descriptor that it was sent. When the
 * last of them is gone so is the memory: nothing can be left behind.
 *
 * A segment only ever grows, and the kernel is told so where it can be: nobody
 * who cuts the file short can take mapped memory from under the others. */
#ifndef PARALLEL_LUA_OS_SEGMENT_H
#define PARALLEL_LUA_OS_SEGMENT_H

#include <stddef.h>

typedef struct {
    void *bytes; // all of it, as far as this process knows of; page aligned
    size_t size;
    int fd; // -1: closed
} Segment;

#define SEGMENT_CLOSED ((Segment){.fd = -1})

/* Makes one of `size` zeroed bytes; `name` is seen in /proc only. 0, or -1 with
 * errno (EINVAL for size 0) and the segment closed. */
int segment_make(Segment *segment, const char *name, size_t size);

/* Maps all of the memory that the descriptor stands for. 0, or -1 with errno, the
 * segment closed, and the descriptor still the caller's: EINVAL when it is empty or
 * no file that is shared so. */
int segment_open(Segment *segment, int fd);

/* Makes it that large, here and for all others; the new bytes are zero, and `bytes`
 * may have moved. Of a size that it has already: nothing. Who grows it at the same
 * time as others holds a lock, unless the kernel knows memfd (Linux 3.17). 0, or -1 with errno and
 * the segment as it was. */
int segment_grow(Segment *segment, size_t size);

/* Maps what others have grown. 0, or -1 with errno and the segment as it was. */
int segment_refresh(Segment *segment);

/* Unmaps it, and closes the descriptor; twice is harmless. */
void segment_close(Segment *segment);

#endif
