#include "core/shuffle/block.h"

#include <errno.h>

#ifdef PARALLEL_LUA_ZSTD
#include <zstd.h>
#endif

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/os/descriptor.h"
#include "core/os/sys.h"

typedef struct {
    uint64_t checksum;
    uint32_t stored, size;
} Header;

_Static_assert(sizeof(Header) == BLOCK_HEADER, "a header is as the drawing says");

static int damaged(void) {
    errno = EUCLEAN;
    return -1;
}

static uint64_t checksum_of(const char *block, uint32_t stored, uint64_t offset) {
    size_t skipped = sizeof(uint64_t);
    return XXH3_64bits_withSeed(block + skipped, BLOCK_HEADER - skipped + stored, offset);
}

/* ---- packing: 0 when that is not possible or makes nothing shorter ---- */

#ifdef PARALLEL_LUA_ZSTD

enum { LEVEL = 1 };

static size_t pack(BlockScratch *scratch, char *to, const char *bytes, size_t size) {
    if (!scratch->packer) scratch->packer = ZSTD_createCCtx();
    if (!scratch->packer || !size) return 0;
    // One byte short of the whole: what would not fit is not worth it.
    size_t packed = ZSTD_compressCCtx(scratch->packer, to, size - 1, bytes, size, LEVEL);
    return ZSTD_isError(packed) ? 0 : packed;
}

static int unpack(BlockScratch *scratch, char *to, size_t size, const char *bytes, size_t stored) {
    if (!scratch->unpacker) scratch->unpacker = ZSTD_createDCtx();
    if (!scratch->unpacker) {
        errno = ENOMEM;
        return -1;
    }
    return ZSTD_decompressDCtx(scratch->unpacker, to, size, bytes, stored) == size ? 0 : damaged();
}

void block_scratch_free(BlockScratch *scratch) {
    ZSTD_freeCCtx(scratch->packer);
    ZSTD_freeDCtx(scratch->unpacker);
    buffer_free(&scratch->bytes);
    *scratch = (BlockScratch){0};
}

#else

static size_t pack(BlockScratch *scratch, char *to, const char *bytes, size_t size) {
    (void)scratch, (void)to, (void)bytes, (void)size;
    return 0;
}

static int unpack(BlockScratch *scratch, char *to, size_t size, const char *bytes, size_t stored) {
    (void)scratch, (void)to, (void)size, (void)bytes, (void)stored;
    return damaged();
}

void block_scratch_free(BlockScratch *scratch) {
    buffer_free(&scratch->bytes);
    *scratch = (BlockScratch){0};
}

#endif

/* ---- in the file ---- */

int block_write(BlockScratch *scratch, int fd, uint64_t offset, const char *bytes, size_t size,
                uint64_t *length) {
    buffer_clear(&scratch->bytes);
    if (buffer_reserve(&scratch->bytes, BLOCK_HEADER + size) == -1) return -1;
    char *block = buffer_tail(&scratch->bytes);
    size_t stored = pack(scratch, block + BLOCK_HEADER, bytes, size);
    if (!stored) memcpy(block + BLOCK_HEADER, bytes, stored = size);
    Header header = {0, (uint32_t)stored, (uint32_t)size};
    memcpy(block, &header, sizeof header);
    header.checksum = checksum_of(block, header.stored, offset);
    memcpy(block, &header, sizeof header);
    *length = BLOCK_HEADER + stored;
    return descriptor_write_at(fd, block, *length, (off_t)offset);
}

static int read_whole(int fd, char *to, size_t size, uint64_t offset) {
    for (size_t got = 0; got < size;) {
        ssize_t n = sys.pread(fd, to + got, size - got, (off_t)(offset + got));
        if (n == 0) return damaged();
        if (n == -1 && errno != EINTR) return -1;
        if (n > 0) got += (size_t)n;
    }
    return 0;
}

static bool is_sound(const Header *header, uint64_t left) {
    return header->size > 0 && header->size <= BLOCK_LARGEST && header->stored <= header->size &&
           header->stored <= left - BLOCK_HEADER;
}

int block_read(BlockScratch *scratch, int fd, uint64_t offset, uint64_t left, Buffer *to,
               uint64_t *length) {
    Header header;
    Buffer *whole = &scratch->bytes;
    buffer_clear(whole);
    if (left < BLOCK_HEADER) return damaged();
    if (read_whole(fd, (char *)&header, BLOCK_HEADER, offset) == -1) return -1;
    if (!is_sound(&header, left)) return damaged();
    if (buffer_append(whole, &header, BLOCK_HEADER) == -1) return -1;
    if (buffer_reserve(whole, header.stored) == -1) return -1;
    char *bytes = buffer_tail(whole);
    if (read_whole(fd, bytes, header.stored, offset + BLOCK_HEADER) == -1) return -1;
    if (checksum_of(buffer_bytes(whole), header.stored, offset) != header.checksum)
        return damaged();
    if (buffer_reserve(to, header.size) == -1) return -1;
    if (header.stored == header.size)
        memcpy(buffer_tail(to), bytes, header.size);
    else if (unpack(scratch, buffer_tail(to), header.size, bytes, header.stored) == -1)
        return -1;
    buffer_added(to, header.size);
    *length = BLOCK_HEADER + header.stored;
    return 0;
}
