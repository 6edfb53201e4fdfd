/* Merge - the records of several sorted regions as one sorted stream.
 *
 *     merge_add_all   the regions
 *     merge_start     once they are added
 *     merge_record    one record after another, or
 *     merge_key       one key after another, and for each
 *     merge_body      the bodies that stand under it
 *
 * Records of equal keys come in the order of their bodies, as far as they do in
 * their regions. All zero is a valid empty merge. */
#ifndef PARALLEL_LUA_SHUFFLE_MERGE_H
#define PARALLEL_LUA_SHUFFLE_MERGE_H

#include "core/shuffle/record.h"

/* A region, and the file that it is in. */
typedef struct {
    int fd;
    Region region;
} Source;

typedef struct {
    Cursor *cursors;
    unsigned count; // of cursors
    unsigned *heap; // of cursors by number, the one with the first record on top
    unsigned live;  // how many have a record
    bool taken;     // the record on top was handed out
    Buffer key;     // of the group at hand, for merge_key
    BlockScratch scratch;

    const char *body; // what merge_record and merge_body found; good until the next call
    size_t body_size;
    unsigned source; // number of the region it comes from, in the order of merge_add_all
} Merge;

/* Adds all regions, whose buffers shall together not take more than `memory` bytes where that can
 * be. 0, or -1 with ENOMEM. */
int merge_add_all(Merge *merge, const Source *sources, size_t count, size_t memory);

/* How many regions, in blocks of this size where there are any, can be merged in so much memory:
 * at least 2. */
size_t merge_most(size_t memory, size_t block);

/* 0, or -1 with errno as cursor_next. So do those below, which return 1 with
 * what they found, and 0 when there is no more. */
int merge_start(Merge *merge);

/* The next record; *key is good until the next call. */
int merge_record(Merge *merge, const char **key, size_t *size);

/* The next key, in merge->key; what is left of the group before is passed over. */
int merge_key(Merge *merge);
int merge_body(Merge *merge);

void merge_close(Merge *merge);

#endif
