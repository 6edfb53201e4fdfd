#include "core/os/named.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/os/descriptor.h"
#include "core/os/fault.h"
#include "core/os/mapping.h"
#include "core/os/memory.h"
#include "core/os/sys.h"

#define FOLDER "/dev/shm"
enum { PATH_SIZE = sizeof FOLDER + 1 + NAMED_MOST };

static const char *path_of(const char *name, char *path) {
    snprintf(path, PATH_SIZE, FOLDER "/%s", name);
    return path;
}

// Fails where there is such a name already.
static int give_name(int fd, const char *name) {
    char self[64], path[PATH_SIZE];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    FAULT("named.appear");
    return sys.linkat(AT_FDCWD, self, AT_FDCWD, path_of(name, path), AT_SYMLINK_FOLLOW);
}

int named_make(const char *name, size_t size) {
    int fd = name ? sys.open(FOLDER, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : mapping_file("memory");
    if (fd == -1) return -1;
    if (memory_reserve(fd, size) == -1) goto fail;
    if (name && give_name(fd, name) == -1) goto fail;
    return fd;

fail:
    descriptor_close(&fd);
    return -1;
}

// 0, or what is wrong with the file.
static int fault_of(int fd) {
    struct stat info;
    if (sys.fstat(fd, &info) == -1) return errno;
    if (!S_ISREG(info.st_mode)) return EINVAL;
    return info.st_uid == geteuid() ? 0 : EPERM;
}

// Without waiting, should it be the other end of a pipe.
int named_open(const char *name) {
    char path[PATH_SIZE];
    int fd = sys.open(path_of(name, path), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
    if (fd == -1) return -1;
    int fault = fault_of(fd);
    if (fault) {
        descriptor_close(&fd);
        errno = fault;
    }
    return fd;
}

long long named_size(int fd) {
    struct stat info;
    return sys.fstat(fd, &info) == -1 ? -1 : info.st_size;
}

int named_remove(const char *name) {
    char path[PATH_SIZE];
    return sys.unlink(path_of(name, path));
}
