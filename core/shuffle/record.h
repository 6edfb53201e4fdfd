/* Record - a key and a body, the unit of every file that map-reduce writes.
 *
 *     size of the key | size of the body | key | body        sizes are varints
 *
 * Region - records one after the other, somewhere in a file, as they are or cut into blocks.
 * Writer - appends records to the end of a file that nobody else writes.
 * Cursor - reads the records of a region in turn, a part of it in memory. */
#ifndef PARALLEL_LUA_SHUFFLE_RECORD_H
#define PARALLEL_LUA_SHUFFLE_RECORD_H

#include <stdint.h>

#include "core/shuffle/block.h"
#include "core/wire/buffer.h"

typedef struct {
    uint64_t offset, length, count;
    uint64_t block; // size of the largest block; 0: there are none, the records stand as they are
} Region;

enum { REGION_MOST = 4 * VARINT_MAX };

/* As four varints: 0, or -1 with ENOMEM. And back: false when they are not there. */
int region_append(const Region *region, Buffer *to);
bool region_read(const char **from, const char *end, Region *region);

/* 0 when the file may hold such a region; else -1 with EBADMSG (in blocks EUCLEAN), or what
 * fstat says. Whoever sets memory aside for what a region promises asks this first. */
int region_check(const Region *region, int fd);

typedef struct {
    int fd;
    Region region; // of the records since writer_begin
    Buffer buffer; // bytes not written yet
    BlockScratch scratch;
} Writer;

/* Starts at the end of the file, whose regions are cut into blocks of this size (0: not at
 * all). 0, or -1 with errno. */
int writer_open(Writer *writer, int fd, size_t block);

/* Records from here on make a region of their own; the one before must have been ended. */
void writer_begin(Writer *writer);

/* The region is complete. 0, or -1 with errno. */
int writer_end(Writer *writer);

/* 0, or -1 with ENOMEM or what pwrite says, such as ENOSPC. */
int writer_record(Writer *writer, const char *key, size_t key_size, const char *body, size_t size);

/* A record that is already in the form above, or a text instead of one. */
int writer_copy(Writer *writer, const char *record, size_t size);

/* A line of text, instead of a record; it is ended when it has no newline yet. */
int writer_line(Writer *writer, const char *line, size_t size);

/* Writes what waits in the buffer. 0, or -1 with errno. */
int writer_flush(Writer *writer);

/* Gives the memory back; the file stays open. */
void writer_close(Writer *writer);

/* Appends a record to a buffer. 0, or -1 with ENOMEM. */
int record_append(Buffer *to, const char *key, size_t key_size, const char *body, size_t size);

typedef struct {
    const char *key, *body; // good until the next call of cursor_next
    size_t key_size, body_size;
    uint64_t prefix; // of the key

    int fd;
    bool in_blocks;
    uint64_t offset, left; // what of the region is not in the buffer yet
    size_t ahead;          // bytes that are read at once, where there are no blocks
    BlockScratch *scratch;
    Buffer buffer;
} Cursor;

enum { CURSOR_AHEAD = 1 << 16 };

/* Starts before the first record. `ahead`: CURSOR_AHEAD, or less to save memory. The scratch may
 * be that of other cursors too. Cannot fail: what is wrong shows in cursor_next. */
void cursor_open(Cursor *cursor, int fd, const Region *region, size_t ahead, BlockScratch *scratch);

/* The next record: 1, 0 when there is none, or -1 with errno: EBADMSG (in blocks EUCLEAN) when
 * the region is damaged or the file ends before it, ENOMEM, or what pread says. */
int cursor_next(Cursor *cursor);

void cursor_close(Cursor *cursor);

#endif
