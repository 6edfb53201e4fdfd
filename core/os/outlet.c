#include "core/os/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/os/descriptor.h"
#include "core/os/lines.h"
#include "core/os/sys.h"

enum { BLOCK = 1 << 16 }; // read from the file at once, or more when a line is longer

// A reader that is gone does not come back: to find that out for each line again takes long.
static int write_out(Outlet *outlet, const char *bytes, size_t size) {
    if (outlet->failed == EPIPE) return -1;
    if (lines_write(outlet->target, outlet->prefix, bytes, size) == 0) return 0;
    if (!outlet->failed) outlet->failed = errno;
    return -1;
}

// ---- what others wrote ---------------------------------------------------

static uint64_t size_of(int file) {
    struct stat info;
    return sys.fstat(file, &info) == 0 ? (uint64_t)info.st_size : 0;
}

static uint64_t carried_of(const Outlet *outlet, uint64_t size) {
    uint64_t carried = atomic_load_explicit(outlet->carried, memory_order_relaxed);
    return carried <= size ? carried : 0;
}

// Commands like to open /dev/stderr anew, which cuts the file: better that there
// is nothing in it. What a command in the background writes just now is lost.
static void empty(const Outlet *outlet) {
    if (sys.ftruncate(outlet->captured, 0) == 0)
        atomic_store_explicit(outlet->carried, 0, memory_order_relaxed);
}

// The first bytes of the file from `from` on that make whole lines, or all of
// them when there is no end of a line to come; *block is large enough then.
static size_t next_lines(const Outlet *outlet, uint64_t from, uint64_t to, bool all, char **block) {
    for (size_t most = BLOCK;; most *= 2) {
        char *larger = sys.realloc(*block, most);
        if (!larger) return 0;
        *block = larger;
        size_t asked = to - from < most ? (size_t)(to - from) : most;
        ssize_t got = sys.pread(outlet->captured, larger, asked, (off_t)from);
        if (got <= 0) return 0;
        size_t whole = lines_whole(larger, (size_t)got);
        if (whole) return whole;
        if (from + (size_t)got == to) return all ? (size_t)got : 0;
    }
}

static void carry(Outlet *outlet, bool all) {
    uint64_t size = size_of(outlet->captured), at = carried_of(outlet, size);
    if (at == size) return;
    char *block = NULL;
    for (size_t count; at < size && (count = next_lines(outlet, at, size, all, &block)) > 0;) {
        write_out(outlet, block, count);
        at += count;
        atomic_store_explicit(outlet->carried, at, memory_order_relaxed);
    }
    if (at == size) empty(outlet);
    free(block);
}

// ---- what the process prints ---------------------------------------------

static int keep(Outlet *outlet, const char *bytes, size_t size) {
    if (outlet->capacity - outlet->size < size) {
        size_t capacity = 2 * (outlet->size + size);
        char *larger = sys.realloc(outlet->line, capacity);
        if (!larger) return -1;
        outlet->line = larger;
        outlet->capacity = capacity;
    }
    if (size) memcpy(outlet->line + outlet->size, bytes, size);
    outlet->size += size;
    return 0;
}

static int put_out(Outlet *outlet, const char *bytes, size_t size) {
    if (outlet->size == 0) return write_out(outlet, bytes, size);
    if (keep(outlet, bytes, size) == -1) return -1;
    int written = write_out(outlet, outlet->line, outlet->size);
    outlet->size = 0;
    return written;
}

// In a child that was forked from the process and has not heard of us.
static void become_direct(Outlet *outlet) {
    outlet->owner = getpid();
    outlet->target = outlet->fd;
    outlet->captured = -1;
    outlet->prefix = "";
    outlet->size = 0;
    outlet->failed = 0;
}

static ssize_t take(void *cookie, const char *bytes, size_t size) {
    Outlet *outlet = cookie;
    if (outlet->owner != getpid()) become_direct(outlet);
    size_t whole = lines_whole(bytes, size);
    if (whole) {
        if (outlet->captured != -1) carry(outlet, false);
        if (put_out(outlet, bytes, whole) == -1) return 0;
    }
    return keep(outlet, bytes + whole, size - whole) == 0 ? (ssize_t)size : 0;
}

static void put_out_rest(Outlet *outlet) {
    if (outlet->size) put_out(outlet, "", 0);
    fflush(outlet->before);
    if (outlet->captured != -1) carry(outlet, true);
}

void outlet_flush(Outlet *outlet) {
    fflush(outlet->stream);
    put_out_rest(outlet);
}

static int close_stream(void *cookie) {
    Outlet *outlet = cookie;
    if (outlet->owner == getpid()) put_out_rest(outlet);
    return 0;
}

// ---- the change of streams -----------------------------------------------

static FILE **place_of(int fd) {
    return fd == STDOUT_FILENO ? &stdout : &stderr;
}

static int redirect(Outlet *outlet) {
    outlet->target = sys.fcntl(outlet->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (outlet->target == -1) return -1;
    sys.fcntl(outlet->captured, F_SETFL, O_APPEND);
    if (dup2(outlet->captured, outlet->fd) != -1) return 0;
    descriptor_close(&outlet->target);
    return -1;
}

int outlet_open(Outlet *outlet, int fd, int captured, _Atomic uint64_t *carried,
                const char *prefix) {
    FILE **place = place_of(fd);
    *outlet = (Outlet){.fd = fd, .captured = captured, .carried = carried, .prefix = prefix};
    outlet->before = *place;
    outlet->owner = getpid();
    outlet->stream =
        fopencookie(outlet, "w", (cookie_io_functions_t){.write = take, .close = close_stream});
    if (!outlet->stream) return -1;
    setvbuf(outlet->stream, NULL, _IONBF, 0); // the lines are put together here
    if (redirect(outlet) == -1) {
        int saved = errno;
        fclose(outlet->stream);
        outlet->stream = NULL;
        errno = saved;
        return -1;
    }
    *place = outlet->stream;
    return 0;
}
