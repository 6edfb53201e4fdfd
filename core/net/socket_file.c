#include "core/net/socket_file.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "core/os/descriptor.h"
#include "core/os/fault.h"
#include "core/os/sys.h"

enum { OURS_ONLY = 0600 };

static int refuse(int error) {
    errno = error;
    return -1;
}

// A full backlog is one that somebody keeps.
static bool is_listened_to(const Address *address) {
    int fd = sys.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused = fd != -1 && sys.connect(fd, &address->name.any, address->size) == -1 &&
                   errno == ECONNREFUSED;
    descriptor_close(&fd);
    return !refused;
}

// Makes room at the path when what is there may go.
static int clear(const Address *address) {
    const char *path = address->name.path.sun_path;
    struct stat there;
    if (sys.lstat(path, &there) == -1) return errno == ENOENT ? 0 : -1;
    if (S_ISLNK(there.st_mode)) return refuse(ELOOP);
    if (!S_ISSOCK(there.st_mode)) return refuse(EEXIST);
    if (there.st_uid != geteuid()) return refuse(EPERM);
    if (is_listened_to(address)) return refuse(EADDRINUSE);
    FAULT("socket_file.stale");
    return unlink(path) == -1 && errno != ENOENT ? -1 : 0;
}

// The mode of the socket is that of the file which bind makes: it is never open to others, and
// the process's umask stays as it is.
int socket_file_bind(SocketFile *file, int fd, const Address *address) {
    struct stat made;
    *file = (SocketFile){0};
    if (clear(address) == -1 || sys.fchmod(fd, OURS_ONLY) == -1) return -1;
    if (sys.bind(fd, &address->name.any, address->size) == -1) return -1;
    FAULT("socket_file.bound");
    if (sys.lstat(address->name.path.sun_path, &made) == -1) return -1;
    *file = (SocketFile){.owner = getpid(), .device = made.st_dev, .inode = made.st_ino};
    return 0;
}

void socket_file_remove(SocketFile *file, const Address *address) {
    const char *path = address->name.path.sun_path;
    struct stat there;
    bool ours = file->owner == getpid() && lstat(path, &there) == 0 && S_ISSOCK(there.st_mode) &&
                there.st_dev == file->device && there.st_ino == file->inode;
    if (ours) unlink(path);
    file->owner = 0;
}
