#include "core/os/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/os/descriptor.h"
#include "core/os/sys.h"

size_t lines_whole(const char *text, size_t size) {
    const char *last = memrchr(text, '\n', size);
    return last ? (size_t)(last - text) + 1 : 0;
}

static bool may_be_cut(int fd) {
    struct stat info;
    return sys.fstat(fd, &info) == 0 && (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode));
}

// Without the lock, where there is none to be had, lines may mix but are not lost.
static void lock(int fd, short type) {
    struct flock all = {.l_type = type, .l_whence = SEEK_SET};
    while (sys.fcntl(fd, F_SETLKW, (long)&all) == -1 && errno == EINTR) {}
}

static void wait_for_room(int fd) {
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    sys.poll(&room, 1, -1);
}

static int write_all(int fd, const char *bytes, size_t size) {
    bool masked = false;
    while (size > 0) {
        ssize_t put = descriptor_write_quietly(fd, bytes, size, &masked);
        if (put == -1 && errno != EAGAIN) return -1;
        if (put == -1) wait_for_room(fd);
        if (put > 0) bytes += put, size -= (size_t)put;
    }
    return 0;
}

static int write_together(int fd, const char *bytes, size_t size) {
    bool locked = may_be_cut(fd);
    if (locked) lock(fd, F_WRLCK);
    int written = write_all(fd, bytes, size);
    int saved = errno;
    if (locked) lock(fd, F_UNLCK);
    errno = saved;
    return written;
}

static size_t count_lines(const char *text, size_t size) {
    size_t count = 1;
    for (const char *at = text; (at = memchr(at, '\n', size - (size_t)(at - text))); at++) count++;
    return count;
}

// Fills `to`, which has room; the bytes written there.
static size_t add_prefixes(char *to, const char *prefix, const char *text, size_t size) {
    char *start = to;
    size_t length = strlen(prefix);
    for (const char *end = text + size; text < end;) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t line = (size_t)((newline ? newline : end) - text);
        to = mempcpy(mempcpy(to, prefix, length), text, line);
        *to++ = '\n';
        text += line + 1;
    }
    return (size_t)(to - start);
}

int lines_write(int fd, const char *prefix, const char *text, size_t size) {
    if (!*prefix || size == 0) return write_together(fd, text, size);
    size_t most = size + count_lines(text, size) * (strlen(prefix) + 1);
    char *prefixed = sys.realloc(NULL, most);
    if (!prefixed) return -1;
    size_t filled = add_prefixes(prefixed, prefix, text, size);
    int written = write_together(fd, prefixed, filled);
    free(prefixed);
    return written;
}
