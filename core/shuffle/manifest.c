#include "core/shuffle/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/os/descriptor.h"
#include "core/os/fault.h"
#include "core/os/sys.h"

static const char TITLE[] = "parallel-lua journal 1\n";

enum { TITLE_SIZE = sizeof TITLE - 1, BLOCK = 1 << 16 };

// Of the kind that a forked child has no part in, and of which the kernel tells the holder.
static int lock(Manifest *manifest) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (sys.fcntl(manifest->fd, F_SETLK, (long)&whole) != -1) return 0;
    if (errno != EACCES && errno != EAGAIN) return -1;
    if (sys.fcntl(manifest->fd, F_GETLK, (long)&whole) != -1 && whole.l_type != F_UNLCK)
        manifest->holder = whole.l_pid;
    errno = EBUSY;
    return -1;
}

static int not_ours(void) {
    errno = EBADMSG;
    return -1;
}

// A title that a crash cut short is one all the same.
static int check_title(const Manifest *manifest, size_t size) {
    char title[TITLE_SIZE];
    if (size > TITLE_SIZE) size = TITLE_SIZE;
    for (size_t got = 0; got < size;) {
        ssize_t n = sys.pread(manifest->fd, title + got, size - got, (off_t)got);
        if (n == 0) return not_ours();
        if (n == -1 && errno != EINTR) return -1;
        if (n > 0) got += (size_t)n;
    }
    return memcmp(title, TITLE, size) == 0 ? 0 : not_ours();
}

static int begin_reading(Manifest *manifest) {
    struct stat info;
    if (sys.fstat(manifest->fd, &info) == -1) return -1;
    if (!S_ISREG(info.st_mode)) return not_ours();
    if (!info.st_nlink) { // whoever had it before us was done, and removed it
        errno = EBUSY;
        return -1;
    }
    uint64_t size = (uint64_t)info.st_size;
    if (check_title(manifest, (size_t)size) == -1) return -1;
    manifest->end = size < TITLE_SIZE ? 0 : TITLE_SIZE;
    Region records = {.offset = TITLE_SIZE, .length = size - manifest->end, .block = BLOCK};
    if (!manifest->end) records.length = 0;
    cursor_open(&manifest->cursor, manifest->fd, &records, BLOCK, &manifest->writer.scratch);
    return 0;
}

int manifest_open(Manifest *manifest, const char *path, bool only_read) {
    int flags = only_read ? O_RDONLY : O_RDWR | O_CREAT;
    manifest->fd = sys.open(path, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (manifest->fd == -1) return -1;
    if (!only_read && lock(manifest) == -1) goto fail;
    if (begin_reading(manifest) == -1) goto fail;
    return 0;

fail:
    manifest_close(manifest);
    return -1;
}

int manifest_next(Manifest *manifest) {
    int found = cursor_next(&manifest->cursor);
    if (found == 1) manifest->end = manifest->cursor.offset;
    return found == -1 && errno == EUCLEAN ? 0 : found;
}

// What is torn, by a crash or by us, goes.
static int cut_off(const Manifest *manifest) {
    if (sys.ftruncate(manifest->fd, (off_t)manifest->end) == -1) return -1;
    if (manifest->end) return 0;
    return descriptor_write_at(manifest->fd, TITLE, TITLE_SIZE, 0);
}

int manifest_append(Manifest *manifest, const char *name, const char *body, size_t size) {
    Writer *writer = &manifest->writer;
    FAULT("manifest.append");
    if (cut_off(manifest) == -1 || writer_open(writer, manifest->fd, BLOCK) == -1) return -1;
    if (writer_record(writer, name, strlen(name), body, size) == -1) return -1;
    if (writer_end(writer) == -1) return -1;
    FAULT("manifest.written");
    if (sys.fsync(manifest->fd) == -1) return -1;
    manifest->end = writer->region.offset + writer->region.length;
    FAULT("manifest.appended");
    return 0;
}

void manifest_close(Manifest *manifest) {
    int saved = errno;
    pid_t holder = manifest->holder;
    descriptor_close(&manifest->fd);
    cursor_close(&manifest->cursor);
    writer_close(&manifest->writer);
    *manifest = MANIFEST_CLOSED;
    manifest->holder = holder;
    errno = saved;
}
