#include "core/os/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/os/sys.h"

void *mapping_share(size_t size) {
    void *mapping = sys.mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return mapping == MAP_FAILED ? NULL : mapping;
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
