#include "core/shuffle/run.h"

#include <errno.h>
#include <stdlib.h>

#include "core/os/fault.h"
#include "core/os/sys.h"
#include "core/shuffle/ordered.h"

/* What a commit needs; made, used and given back by run_commit. */
typedef struct {
    Table *table;
    Store *store;
    const Combiner *combiner;
    unsigned partitions;
    size_t *starts;  // slots of partition p are those from starts[p] to starts[p + 1]
    size_t *next;    // while grouping: those of p from starts[p] to next[p] are in place
    SortItem *items; // the keys of one partition, or the dictionary
    uint32_t *ranks; // of the dictionary: from the number of a value to its rank
    Writer writer;
    Buffer body;
} Commit;

static void commit_free(Commit *commit) {
    free(commit->starts);
    free(commit->items);
    free(commit->ranks);
    writer_close(&commit->writer);
    buffer_free(&commit->body);
}

static unsigned partition_of(const Commit *commit, Slot slot) {
    return (unsigned)((uint64_t)slot.hash * commit->partitions >> 32);
}

// From here on the slots are no hash table but a list of what it held.
static void gather_slots(Table *table) {
    size_t count = 0;
    for (size_t i = 0; count < table->count; i++)
        if (table->slots[i].entry) table->slots[count++] = table->slots[i];
}

static int count_partitions(Commit *commit) {
    size_t size = (commit->partitions + 1) * sizeof *commit->starts;
    commit->starts = sys.realloc(NULL, 2 * size);
    if (!commit->starts) return -1;
    memset(commit->starts, 0, size);
    commit->next = commit->starts + commit->partitions + 1;
    for (size_t i = 0; i < commit->table->count; i++)
        commit->starts[partition_of(commit, commit->table->slots[i]) + 1]++;
    for (unsigned p = 0; p < commit->partitions; p++) commit->starts[p + 1] += commit->starts[p];
    memcpy(commit->next, commit->starts, size);
    return 0;
}

// Swaps every slot to where its partition is; in place, since a table may fill most of the memory.
static void group_slots(Commit *commit) {
    Slot *slots = commit->table->slots;
    for (unsigned p = 0; p < commit->partitions; p++) {
        while (commit->next[p] < commit->starts[p + 1]) {
            Slot *here = &slots[commit->next[p]];
            unsigned home = partition_of(commit, *here);
            Slot *there = &slots[commit->next[home]++], kept = *there;
            *there = *here;
            *here = kept;
        }
    }
}

static int grow_items(Commit *commit, size_t count) {
    SortItem *items = sys.realloc(commit->items, (count + 1) * sizeof *items);
    if (!items) return -1;
    commit->items = items;
    return 0;
}

static int sort_partition(Commit *commit, unsigned p) {
    const Table *table = commit->table;
    size_t start = commit->starts[p], count = commit->starts[p + 1] - start;
    if (grow_items(commit, count) == -1) return -1;
    for (size_t i = 0; i < count; i++) {
        Ref entry = table->slots[start + i].entry;
        const char *key = table_key(table, entry);
        uint32_t size = table_key_size(table, entry);
        commit->items[i] = (SortItem){ordered_prefix(key, size), key, size, entry};
    }
    sort_items(commit->items, count);
    return 0;
}

// One record, or several when the state is saved in pieces.
static int write_entry(Commit *commit, const SortItem *item) {
    const void *state = table_state(commit->table, item->tag);
    const Piece *piece = NULL;
    do {
        buffer_clear(&commit->body);
        if (commit->combiner->save(commit->store, state, &piece, &commit->body) == -1) return -1;
        if (writer_record(&commit->writer, item->key, item->size, buffer_bytes(&commit->body),
                          buffer_size(&commit->body)) == -1)
            return -1;
    } while (piece);
    return 0;
}

static int write_partition(Commit *commit, unsigned p, Buffer *descriptor) {
    if (sort_partition(commit, p) == -1) return -1;
    writer_begin(&commit->writer);
    size_t count = commit->starts[p + 1] - commit->starts[p];
    for (size_t i = 0; i < count; i++)
        if (write_entry(commit, &commit->items[i]) == -1) return -1;
    if (writer_end(&commit->writer) == -1) return -1;
    return region_append(&commit->writer.region, descriptor);
}

static int write_values(Commit *commit) {
    uint32_t count = commit->store->values.table.count;
    if (interner_sort(&commit->store->values, &commit->items) == -1) return -1;
    commit->ranks = sys.realloc(NULL, (count + 1) * sizeof *commit->ranks);
    if (!commit->ranks) return -1;
    for (uint32_t rank = 0; rank < count; rank++) {
        const SortItem *item = &commit->items[rank];
        if (writer_record(&commit->writer, item->key, item->size, NULL, 0) == -1) return -1;
        commit->ranks[item->tag] = rank;
    }
    commit->store->saved = (RankMap){commit->ranks, count};
    return 0;
}

static int write_dictionary(Commit *commit, Buffer *descriptor) {
    if (commit->combiner->needs_dictionary && write_values(commit) == -1) return -1;
    if (writer_end(&commit->writer) == -1) return -1;
    return region_append(&commit->writer.region, descriptor);
}

static int write_run(Commit *commit, Depot *depot, size_t expected, Buffer *descriptor) {
    if (count_partitions(commit) == -1) return -1;
    group_slots(commit);
    if (depot_open(depot, &commit->writer, expected) == -1) return -1;
    if (buffer_append_varint(descriptor, (uint64_t)commit->writer.fd) == -1) return -1;
    if (buffer_append_varint(descriptor, commit->partitions) == -1) return -1;
    if (write_dictionary(commit, descriptor) == -1) return -1;
    for (unsigned p = 0; p < commit->partitions; p++)
        if (write_partition(commit, p, descriptor) == -1) return -1;
    return writer_flush(&commit->writer);
}

int run_commit(Table *table, Store *store, const Combiner *combiner, Depot *depot,
               unsigned partitions, Buffer *descriptor) {
    Commit commit = {
        .table = table, .store = store, .combiner = combiner, .partitions = partitions};
    size_t expected = table_memory(table) + store_memory(store);
    FAULT("run.commit");
    gather_slots(table);
    int result = write_run(&commit, depot, expected, descriptor);
    FAULT("run.committed");
    int error = errno;
    commit_free(&commit);
    store->saved = (RankMap){0};
    store_clear(store);
    table_clear(table);
    errno = error;
    return result;
}

static int damaged(void) {
    errno = EBADMSG;
    return -1;
}

int run_open(Run *run, const char *descriptor, size_t size, unsigned partition) {
    const char *at = descriptor, *end = at + size;
    uint64_t fd, partitions;
    if (!varint_read(&at, end, &fd) || fd > INT32_MAX) return damaged();
    if (!varint_read(&at, end, &partitions) || partition >= partitions) return damaged();
    if (!region_read(&at, end, &run->dictionary)) return damaged();
    for (unsigned p = 0; p <= partition; p++)
        if (!region_read(&at, end, &run->partition)) return damaged();
    run->fd = (int)fd;
    if (region_check(&run->dictionary, run->fd) == -1) return -1;
    return region_check(&run->partition, run->fd);
}

int run_move(const char *descriptor, size_t size, int fd, Buffer *moved) {
    const char *at = descriptor, *end = at + size;
    uint64_t before;
    if (!varint_read(&at, end, &before)) return damaged();
    if (buffer_append_varint(moved, (uint64_t)fd) == -1) return -1;
    return buffer_append(moved, at, (size_t)(end - at));
}

static int verify_region(Cursor *cursor, int fd, const Region *region, BlockScratch *scratch) {
    uint64_t count = 0;
    int found;
    if (region_check(region, fd) == -1) return -1;
    cursor_open(cursor, fd, region, CURSOR_AHEAD, scratch);
    while ((found = cursor_next(cursor)) == 1) count++;
    if (found == -1) return -1;
    return count == region->count ? 0 : damaged();
}

// The dictionary has a place as the partitions have.
static int verify_regions(const char *at, const char *end, Cursor *cursor, BlockScratch *scratch) {
    uint64_t fd, partitions;
    Region region;
    if (!varint_read(&at, end, &fd) || fd > INT32_MAX) return damaged();
    if (!varint_read(&at, end, &partitions)) return damaged();
    for (uint64_t i = 0; i <= partitions; i++) {
        if (!region_read(&at, end, &region)) return damaged();
        if (verify_region(cursor, (int)fd, &region, scratch) == -1) return -1;
    }
    return 0;
}

int run_verify(const char *descriptor, size_t size) {
    Cursor cursor = {.fd = -1};
    BlockScratch scratch = {0};
    int result = verify_regions(descriptor, descriptor + size, &cursor, &scratch);
    int error = errno;
    cursor_close(&cursor);
    block_scratch_free(&scratch);
    errno = error;
    return result;
}
