/* Block - some bytes of a file on disk, which prove when they are read that they are whole.
 *
 *      0          8        12     16
 *     +----------+--------+------+- - - -
 *     | checksum | stored | size | bytes
 *
 * Stored is how many bytes follow, size how many they stand for: as many when they
 * are as they were, more when zstd has packed them. The checksum is that of
 * all behind it and of the block's place in the file, so that a block which is
 * cut short, changed, or another one is never taken for what was written. */
#ifndef PARALLEL_LUA_SHUFFLE_BLOCK_H
#define PARALLEL_LUA_SHUFFLE_BLOCK_H

#include "core/wire/buffer.h"

/* What writing and reading blocks needs meanwhile, to be used again. All zero is valid. */
typedef struct {
    Buffer bytes; // a block as it is in the file
    void *packer, *unpacker;
} BlockScratch;

void block_scratch_free(BlockScratch *scratch);

enum { BLOCK_HEADER = 16, BLOCK_LARGEST = 1 << 20 };

/* Writes `size` bytes, not more than BLOCK_LARGEST, as a block at this place; *length is
 * what it takes up there. 0, or -1 with ENOMEM or what pwrite says. */
int block_write(BlockScratch *scratch, int fd, uint64_t offset, const char *bytes, size_t size,
                uint64_t *length);

/* Appends what the block at this place stands for; it ends within `left` bytes. 0 with
 * *length as above, or -1 with errno: EUCLEAN when it is damaged or the file ends
 * before it, ENOMEM, or what pread says. */
int block_read(BlockScratch *scratch, int fd, uint64_t offset, uint64_t left, Buffer *to,
               uint64_t *length);

#endif
