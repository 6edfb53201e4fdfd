#include "core/shuffle/depot.h"

#include <errno.h>

#include "core/os/fault.h"

static bool fits(const Depot *depot, const Writer *writer, uint64_t expected) {
    return writer->region.offset <= depot->most && expected <= depot->most - writer->region.offset;
}

static int open_disk(Depot *depot, Writer *writer) {
    depot->on_disk = true;
    FAULT("depot.disk");
    if (depot->disk != -1) return writer_open(writer, depot->disk, depot->block);
    errno = depot->refusal ? depot->refusal : ENOSPC;
    return -1;
}

int depot_open(Depot *depot, Writer *writer, uint64_t expected) {
    depot->on_disk = false;
    if (depot->memory == -1) return open_disk(depot, writer);
    if (writer_open(writer, depot->memory, 0) == -1) return -1;
    return fits(depot, writer, expected) ? 0 : open_disk(depot, writer);
}

bool depot_is_full(const Depot *depot, const Writer *writer) {
    return !depot->on_disk && writer->region.offset + writer->region.length > depot->most;
}
