#include "core/shuffle/spelling.h"

#include <errno.h>

#include "core/os/fault.h"
#include "core/shuffle/dictionary.h"

enum { PACKED = 4, PER_VALUE = 2 * sizeof(size_t) }; // how much longer values are, unpacked

bool spelling_is_needed(const Run *runs, size_t count, size_t memory) {
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++) {
        const Region *region = &runs[i].dictionary;
        size += region->length * (region->block ? PACKED : 1) + region->count * PER_VALUE;
    }
    return size > memory;
}

static int spell_records(Merge *merge, const Combiner *spelled, const Store *store,
                         Writer *writer) {
    Buffer body = {0};
    const char *key;
    size_t size;
    int found;
    while ((found = merge_record(merge, &key, &size)) == 1) {
        buffer_clear(&body);
        if (spelled->spell(store, merge->body, merge->body_size, &body) == -1 ||
            writer_record(writer, key, size, buffer_bytes(&body), buffer_size(&body)) == -1) {
            found = -1;
            break;
        }
    }
    int error = errno;
    buffer_free(&body);
    errno = error;
    return found == -1 ? -1 : writer_flush(writer);
}

// What is made meanwhile.
typedef struct {
    Store store;
    Dictionary dictionary;
    Merge merge;
    Writer writer;
} Spelling;

static int spell(Spelling *spelling, const Run *run, const Combiner *combiner, size_t memory,
                 Depot *depot) {
    Source source = {run->fd, run->partition};
    if (dictionary_read(&spelling->dictionary, run, 1, memory, &spelling->store) == -1) return -1;
    if (merge_add_all(&spelling->merge, &source, 1, memory) == -1) return -1;
    if (merge_start(&spelling->merge) == -1) return -1;
    uint64_t expected = run->dictionary.length + run->partition.length;
    if (depot_open(depot, &spelling->writer, expected) == -1) return -1;
    return spell_records(&spelling->merge, combiner->spelled, &spelling->store, &spelling->writer);
}

int spelling_write(const Run *run, const Combiner *combiner, size_t memory, Depot *depot,
                   Source *spelled) {
    Spelling spelling = {.writer.fd = -1};
    FAULT("spelling.write");
    int result = spell(&spelling, run, combiner, memory, depot);
    *spelled = (Source){spelling.writer.fd, spelling.writer.region};
    int error = errno;
    merge_close(&spelling.merge);
    dictionary_free(&spelling.dictionary);
    store_free(&spelling.store);
    writer_close(&spelling.writer);
    errno = error;
    return result;
}
