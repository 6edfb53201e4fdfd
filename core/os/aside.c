#include "core/os/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/os/descriptor.h"
#include "core/os/fault.h"
#include "core/os/sys.h"

enum { MOST_SUFFIX = 32 };

static char *copy_of(const char *text) {
    char *copy = sys.realloc(NULL, strlen(text) + 1);
    return copy ? strcpy(copy, text) : NULL;
}

// The path with links followed, so that a link is not replaced by a file; as it
// is when there is no such file yet.
static char *resolve(const char *path) {
    char resolved[PATH_MAX];
    return copy_of(realpath(path, resolved) ? resolved : path);
}

static char *name_beside(const char *path) {
    size_t size = strlen(path) + MOST_SUFFIX;
    char *name = sys.realloc(NULL, size);
    if (name) snprintf(name, size, "%s.%ld.tmp", path, (long)getpid());
    return name;
}

static int open_nameless(const char *path, mode_t mode) {
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX] = ".";
    if (slash == path) slash++;
    if (slash) snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    return sys.open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
}

static int open_named(Aside *aside, mode_t mode) {
    aside->fd =
        sys.open(aside->temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOCTTY, mode);
    aside->named = aside->fd != -1;
    return aside->fd;
}

static int open_beside(Aside *aside, const struct stat *before) {
    aside->temporary = name_beside(aside->path);
    if (!aside->temporary) return -1;
    aside->fd = open_nameless(aside->path, 0666);
    if (aside->fd == -1 && open_named(aside, 0666) == -1) return -1;
    return before ? sys.fchmod(aside->fd, before->st_mode & 07777) : 0;
}

static int open_direct(Aside *aside) {
    aside->direct = true;
    aside->fd = sys.open(aside->path, O_WRONLY | O_CLOEXEC | O_NOCTTY, 0);
    return aside->fd;
}

int aside_open(Aside *aside, const char *path) {
    struct stat info;
    *aside = (Aside){.fd = -1, .path = resolve(path), .owner = getpid()};
    if (!aside->path) goto fail;
    bool exists = stat(aside->path, &info) == 0;
    bool is_file = !exists || S_ISREG(info.st_mode);
    if ((is_file ? open_beside(aside, exists ? &info : NULL) : open_direct(aside)) == -1) goto fail;
    return 0;

fail:
    aside_close(aside);
    return -1;
}

// A link cannot replace a file; renaming can.
static int give_name(Aside *aside) {
    char self[64];
    if (aside->named) return 0;
    snprintf(self, sizeof self, "/proc/self/fd/%d", aside->fd);
    if (sys.linkat(AT_FDCWD, self, AT_FDCWD, aside->temporary, AT_SYMLINK_FOLLOW) == -1) return -1;
    aside->named = true;
    return 0;
}

int aside_keep(Aside *aside) {
    int kept = 0;
    if (!aside->direct) {
        FAULT("aside.keep");
        kept = give_name(aside);
        if (kept == 0) kept = sys.rename(aside->temporary, aside->path);
        if (kept == 0) aside->named = false;
    }
    aside_close(aside);
    return kept;
}

void aside_close(Aside *aside) {
    int saved = errno;
    descriptor_close(&aside->fd);
    if (aside->named && aside->owner == getpid()) unlink(aside->temporary);
    free(aside->path);
    free(aside->temporary);
    *aside = ASIDE_CLOSED;
    errno = saved;
}
