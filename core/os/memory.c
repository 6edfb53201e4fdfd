#include "core/os/memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>

#include "core/os/sys.h"

enum {
    PIECE = 1 << 20, // taken at a time: a signal undoes the piece that it interrupts
    MUCH = 1 << 26,  // less than this is not worth asking whether it is there
    PAGE = 4096,     // at least: other sizes are multiples
};

uint64_t memory_available(void) {
    FILE *file = fopen("/proc/meminfo", "re");
    if (!file) return UINT64_MAX;
    char line[128];
    uint64_t sum = 0, kilobytes;
    bool told = false;
    while (fgets(line, sizeof line, file)) {
        bool available = sscanf(line, "MemAvailable: %lu", &kilobytes) == 1;
        if (available || sscanf(line, "SwapFree: %lu", &kilobytes) == 1) sum += kilobytes;
        told |= available;
    }
    fclose(file);
    return told ? sum * 1024 : UINT64_MAX;
}

static bool cannot_reserve(void) {
    return errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL;
}

int memory_reserve(int fd, size_t size) {
    if (size >= MUCH && size > memory_available()) {
        errno = ENOMEM;
        return -1;
    }
    for (size_t done = 0; done < size;) {
        size_t piece = size - done < PIECE ? size - done : PIECE;
        if (sys.fallocate(fd, 0, (off_t)done, (off_t)piece) == 0)
            done += piece;
        else if (cannot_reserve())
            return sys.ftruncate(fd, (off_t)size);
        else if (errno != EINTR)
            return -1;
    }
    return 0;
}

// Only whole pages can be asked for; where there are no large ones nothing is lost.
void memory_enlarge_pages(void *block, size_t size) {
    uintptr_t from = ((uintptr_t)block + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
    uintptr_t end = ((uintptr_t)block + size) & ~(uintptr_t)(PAGE - 1);
    if (from < end) sys.madvise((void *)from, end - from, MADV_HUGEPAGE);
}
