#include "core/os/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "core/os/descriptor.h"
#include "core/os/mapping.h"
#include "core/os/sys.h"

// On kernels and in libraries that are too old the file is merely not sealed.
#ifndef F_SEAL_SHRINK
#define F_ADD_SEALS   1033
#define F_SEAL_SHRINK 0x0002
#endif

// The size of the file, or -1 with errno.
static off_t size_of(int fd) {
    struct stat info;
    return sys.fstat(fd, &info) == -1 ? -1 : info.st_size;
}

// In a new place before the old one is given up, so that a failure costs nothing.
static int map(Segment *segment, size_t size) {
    void *bytes = sys.mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, segment->fd, 0);
    if (bytes == MAP_FAILED) return -1;
    mapping_free(segment->bytes, segment->size);
    segment->bytes = bytes;
    segment->size = size;
    return 0;
}

int segment_make(Segment *segment, const char *name, size_t size) {
    *segment = (Segment){.fd = mapping_file(name)};
    if (segment->fd == -1) return -1;
    if (segment_grow(segment, size) == -1) goto fail;
    if (segment->size == 0) {
        errno = EINVAL;
        goto fail;
    }
    sys.fcntl(segment->fd, F_ADD_SEALS, F_SEAL_SHRINK);
    return 0;

fail:
    segment_close(segment);
    return -1;
}

int segment_open(Segment *segment, int fd) {
    *segment = SEGMENT_CLOSED;
    off_t size = size_of(fd);
    if (size == 0) errno = EINVAL;
    if (size <= 0) return -1;
    Segment opened = {.fd = fd};
    if (map(&opened, (size_t)size) == -1) return -1;
    *segment = opened;
    return 0;
}

int segment_grow(Segment *segment, size_t size) {
    if (segment_refresh(segment) == -1) return -1;
    if (size <= segment->size) return 0;
    // Somebody else may have made it larger meanwhile: then the seal refuses to cut
    // that off, with EPERM. (posix_fallocate never shortens, but takes the memory at once.)
    if (sys.ftruncate(segment->fd, (off_t)size) == -1 && errno != EPERM) return -1;
    return segment_refresh(segment);
}

int segment_refresh(Segment *segment) {
    off_t size = size_of(segment->fd);
    if (size == -1) return -1;
    return (size_t)size > segment->size ? map(segment, (size_t)size) : 0;
}

void segment_close(Segment *segment) {
    mapping_free(segment->bytes, segment->size);
    segment->bytes = NULL;
    segment->size = 0;
    descriptor_close(&segment->fd);
}
