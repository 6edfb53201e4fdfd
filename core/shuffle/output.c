#include "core/shuffle/output.h"

#include <errno.h>
#include <stdlib.h>

#include "core/os/sys.h"
#include "core/shuffle/ordered.h"
#include "core/shuffle/sort.h"

enum { LARGEST_CHUNK = 1 << 24, FEWEST_TO_PRUNE = 1024 };

int output_open(Output *output, Depot *depot, size_t memory, Order order) {
    output->order = order;
    output->depot = depot;
    output->memory = memory;
    // Reduce workers merge by key, so that order needs no gathering.
    output->gathering = order.by_value || order.desc;
    return depot_open(depot, &output->writer, 0);
}

static int make_rank(Output *output, const char *key, size_t key_size, const char *value,
                     size_t size) {
    Order order = output->order;
    buffer_clear(&output->rank);
    int made = 0;
    if (order.by_value)
        made = ordered_rank(&output->rank, value, size, order.desc);
    else if (order.desc)
        made = ordered_rank(&output->rank, key, key_size, true);
    output->rank_size = buffer_size(&output->rank);
    return made == -1 ? -1 : buffer_append(&output->rank, key, key_size);
}

// Below zero, zero or above zero as the record at hand sorts before, as or behind the last one.
static int compare_to_last(const Output *output) {
    return ordered_compare(buffer_bytes(&output->rank), buffer_size(&output->rank),
                           buffer_bytes(&output->last), buffer_size(&output->last));
}

static int remember(Output *output, const char *bytes, size_t size) {
    buffer_clear(&output->last);
    return buffer_append(&output->last, bytes, size);
}

// Ends the chunk that is being written, and begins another.
static int end_chunk(Output *output) {
    Writer *writer = &output->writer;
    if (!writer->region.count) return 0;
    if (writer_flush(writer) == -1) return -1;
    Source chunk = {writer->fd, writer->region};
    if (buffer_append(&output->chunks, &chunk, sizeof chunk) == -1) return -1;
    output->written += chunk.region.count;
    return depot_open(output->depot, writer, 0);
}

bool output_full(const Output *output) {
    return !output->gathering && output->order.top &&
           output->written + output->writer.region.count >= output->order.top;
}

int output_offer(Output *output, const char *key, size_t key_size, const char *value, size_t size) {
    if (make_rank(output, key, key_size, value, size) == -1) return -1;
    bool has_last = buffer_size(&output->last) > 0;
    if (output->gathering) return !(has_last && output->order.top && compare_to_last(output) > 0);
    if (has_last && compare_to_last(output) <= 0) {
        // A reduce function emitted another key than its own, or one key several times.
        output->gathering = true;
        buffer_clear(&output->last);
        return end_chunk(output) == -1 ? -1 : 1;
    }
    return !output_full(output);
}

/* ---- gathered records ---- */

// What is gathered takes its memory twice while it is sorted out.
static size_t chunk_size(const Output *output) {
    size_t size = output->memory / 3;
    return size < LARGEST_CHUNK ? size : LARGEST_CHUNK;
}

// The item's key points into the records; its tag is the size of the header in front of it.
static int list_items(const Output *output, SortItem **items) {
    const char *at = buffer_bytes(&output->records), *end = at + buffer_size(&output->records);
    *items = sys.realloc(NULL, (output->count + 1) * sizeof **items);
    if (!*items) return -1;
    for (uint64_t i = 0; i < output->count; i++) {
        const char *start = at;
        uint64_t size, body;
        if (!varint_read(&at, end, &size) || !varint_read(&at, end, &body)) break;
        (*items)[i] =
            (SortItem){ordered_prefix(at, size), at, (uint32_t)size, (uint32_t)(at - start)};
        at += size + body;
    }
    return 0;
}

static const char *record_of(const SortItem *item, size_t *size) {
    const char *start = item->key - item->tag, *at = start;
    uint64_t key = 0, body = 0;
    varint_read(&at, item->key, &key);
    varint_read(&at, item->key, &body);
    *size = (size_t)(item->tag + key + body);
    return start;
}

static int compare_bodies(const void *a, const void *b) {
    const SortItem *one = a, *other = b;
    size_t size, other_size;
    record_of(one, &size);
    record_of(other, &other_size);
    return ordered_compare(one->key + one->size, size - one->tag - one->size,
                           other->key + other->size, other_size - other->tag - other->size);
}

// Records that sort alike, which only a reduce function emits, stand in the
// order of their bodies: it must not tell who emitted them when.
static void sort_alikes(SortItem *items, size_t count) {
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && !sort_compare(&items[first], &items[end]);) end++;
        if (end - first > 1) qsort(&items[first], end - first, sizeof *items, compare_bodies);
    }
}

static int write_chunk(Output *output, const SortItem *items, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        size_t size;
        const char *record = record_of(&items[i], &size);
        if (writer_copy(&output->writer, record, size) == -1) return -1;
    }
    buffer_clear(&output->records);
    output->count = 0;
    return end_chunk(output);
}

static int keep_only(Output *output, const SortItem *items, uint64_t count) {
    Buffer kept = {0};
    for (uint64_t i = 0; i < count; i++) {
        size_t size;
        const char *record = record_of(&items[i], &size);
        if (buffer_append(&kept, record, size) == -1) {
            buffer_free(&kept);
            return -1;
        }
    }
    buffer_free(&output->records);
    output->records = kept;
    output->count = count;
    return 0;
}

// Sorts what was gathered, drops what is behind the top, and writes it when
// that is wanted or what is left is still large.
static int settle(Output *output, bool write) {
    SortItem *items;
    uint64_t count = output->count, top = output->order.top;
    if (list_items(output, &items) == -1) return -1;
    sort_items(items, count);
    sort_alikes(items, count);
    int result = 0;
    if (top && count >= top) {
        count = top;
        result = remember(output, items[count - 1].key, items[count - 1].size);
    }
    if (result == 0 && !write) {
        size_t kept = 0, size;
        for (uint64_t i = 0; i < count; i++, kept += size) record_of(&items[i], &size);
        write = kept + count * sizeof *items > chunk_size(output) / 2;
    }
    if (result == 0)
        result = write ? write_chunk(output, items, count) : keep_only(output, items, count);
    free(items);
    return result;
}

static bool is_time_to_settle(const Output *output) {
    size_t size = buffer_size(&output->records) + output->count * sizeof(SortItem);
    if (size >= chunk_size(output)) return true;
    uint64_t top = output->order.top;
    return top && output->count >= FEWEST_TO_PRUNE && output->count / 2 >= top;
}

int output_put(Output *output, const char *payload, size_t size) {
    const char *rank = buffer_bytes(&output->rank);
    size_t rank_size = buffer_size(&output->rank);
    buffer_clear(&output->body);
    if (rank_size > UINT32_MAX) {
        errno = ENOMEM;
        return -1;
    }
    if (buffer_append_varint(&output->body, output->rank_size) == -1) return -1;
    if (buffer_append(&output->body, payload, size) == -1) return -1;
    const char *body = buffer_bytes(&output->body);
    size_t body_size = buffer_size(&output->body);
    if (output->gathering) {
        if (record_append(&output->records, rank, rank_size, body, body_size) == -1) return -1;
        output->count++;
        return is_time_to_settle(output) ? settle(output, false) : 0;
    }
    if (writer_record(&output->writer, rank, rank_size, body, body_size) == -1) return -1;
    if (remember(output, rank, rank_size) == -1) return -1;
    return depot_is_full(output->depot, &output->writer) ? end_chunk(output) : 0;
}

uint64_t output_count(const Output *output) {
    return output->written + output->writer.region.count + output->count;
}

static int append_chunks(const Output *output, Buffer *descriptor) {
    const Source *chunks = (const Source *)(const void *)buffer_bytes(&output->chunks);
    size_t count = buffer_size(&output->chunks) / sizeof *chunks;
    if (buffer_append_varint(descriptor, count) == -1) return -1;
    for (size_t i = 0; i < count; i++) {
        if (buffer_append_varint(descriptor, (uint64_t)chunks[i].fd) == -1) return -1;
        if (region_append(&chunks[i].region, descriptor) == -1) return -1;
    }
    return 0;
}

// Some partitions' outputs are merged together in the end.
static size_t most_chunks(const Output *output) {
    size_t most = merge_most(output->memory / 2, output->depot->block) / 4;
    return most < 2 ? 2 : most;
}

int output_finish(Output *output, Buffer *descriptor) {
    if (output->count && settle(output, true) == -1) return -1;
    if (end_chunk(output) == -1) return -1;
    if (narrow(&output->chunks, most_chunks(output), output->memory / 2, output->depot) == -1)
        return -1;
    if (buffer_append_varint(descriptor, output->text) == -1) return -1;
    return append_chunks(output, descriptor);
}

void output_close(Output *output) {
    writer_close(&output->writer);
    buffer_free(&output->chunks);
    buffer_free(&output->rank);
    buffer_free(&output->body);
    buffer_free(&output->last);
    buffer_free(&output->records);
    *output = (Output){0};
}
