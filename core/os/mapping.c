#include "core/os/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/os/sys.h"

static void *map(size_t size, int flags, int fd) {
    void *mapping = sys.mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | flags, fd, 0);
    return mapping == MAP_FAILED ? NULL : mapping;
}

void *mapping_share(size_t size) {
    return map(size, MAP_ANONYMOUS, -1);
}

void *mapping_of_file(int fd, size_t size) {
    struct stat info;
    if (sys.fstat(fd, &info) == -1) return NULL;
    if (info.st_size < (off_t)size && sys.ftruncate(fd, (off_t)size) == -1) return NULL;
    return map(size, 0, fd);
}

void mapping_free(void *mapping, size_t size) {
    if (mapping) munmap(mapping, size);
}

int mapping_file(const char *name) {
    int fd = sys.memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd != -1 || errno != ENOSYS) return fd;
    const char *folder = getenv("TMPDIR");
    return sys.open(folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
}
