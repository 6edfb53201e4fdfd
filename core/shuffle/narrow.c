#include "core/shuffle/narrow.h"

#include <errno.h>

#include "core/os/fault.h"

static size_t count_of(const Buffer *sources) {
    return buffer_size(sources) / sizeof(Source);
}

static uint64_t length_of(const Source *sources, size_t count) {
    uint64_t length = 0;
    for (size_t i = 0; i < count; i++) length += sources[i].region.length;
    return length;
}

static int copy_records(Merge *merge, Writer *writer) {
    const char *key;
    size_t size;
    int found;
    while ((found = merge_record(merge, &key, &size)) == 1)
        if (writer_record(writer, key, size, merge->body, merge->body_size) == -1) return -1;
    return found == -1 ? -1 : writer_end(writer);
}

static int merge_into(const Source *sources, size_t count, size_t memory, Depot *depot,
                      Writer *writer) {
    Merge merge = {0};
    int result = merge_add_all(&merge, sources, count, memory);
    if (result == 0) result = merge_start(&merge);
    if (result == 0) result = depot_open(depot, writer, length_of(sources, count));
    if (result == 0) result = copy_records(&merge, writer);
    if (result == 0) result = writer_flush(writer);
    int error = errno;
    merge_close(&merge);
    errno = error;
    return result;
}

// The first `count` become one, the last: so all take part in as many merges, or one more.
static int merge_first(Buffer *sources, size_t count, size_t memory, Depot *depot) {
    Writer writer = {.fd = -1};
    FAULT("narrow.merge");
    int result = merge_into((const Source *)(const void *)buffer_bytes(sources), count, memory,
                            depot, &writer);
    Source merged = {writer.fd, writer.region};
    int error = errno;
    writer_close(&writer);
    errno = error;
    if (result == -1) return -1;
    FAULT("narrow.merged");
    buffer_consume(sources, count * sizeof(Source));
    return buffer_append(sources, &merged, sizeof merged);
}

// So many that all later merges can be of `most`.
static size_t first_count(size_t count, size_t most) {
    size_t rest = (count - 1) % (most - 1);
    return rest ? rest + 1 : most;
}

int narrow(Buffer *sources, size_t most, size_t memory, Depot *depot) {
    for (size_t count; (count = count_of(sources)) > most;)
        if (merge_first(sources, first_count(count, most), memory, depot) == -1) return -1;
    return 0;
}
