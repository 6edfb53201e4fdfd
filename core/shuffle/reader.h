/* Reader - cuts a part of a file into records.
 *
 * A file may be read by several processes, each of which has a split of it:
 *
 *      0            offset              offset + length
 *      |   . . . . . . |=====================|. . . . .
 *           one record ---->|  a  |  b |   c ---->|
 *
 * A record belongs to the split in which it begins. So a split leaves the
 * record that reaches into it to the one before (it finds its own first record
 * by starting as far before the offset as a separator is long), and reads its
 * last record past its end: splits that cover a file give each record once.
 *
 *     reader_open     begin to read a split
 *     reader_attach   or all that comes out of a descriptor
 *     reader_piece    or what somebody else has cut
 *     reader_next     the next record
 *     reader_free     when there is nothing more to read
 *
 * The file is read, not mapped: one that shrinks meanwhile ends early, and
 * kills nobody. A pipe will do as well, as a single split. One buffer serves
 * split after split; it grows to the longest record. */
#ifndef PARALLEL_LUA_SHUFFLE_READER_H
#define PARALLEL_LUA_SHUFFLE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/wire/buffer.h"

/* How a text is cut. A separator at the very end is not followed by an empty record. */
typedef struct {
    const char *separator; // what ends a record; NULL: only the end of the text does
    size_t size;           // of the separator
    size_t least;          // many short pieces make one record: its size, if they last
    bool kept;             // the separator is part of the record
    bool gathered;         // newlines before a record, and one at the text's end, belong to none
} RecordKind;

/* The kind of this name: "line", "block" (many whole lines, about 1 MiB),
 * "paragraph" (lines up to an empty one), "file" (the whole text, as one
 * record even when empty). Any other name is itself the separator; it is not
 * copied, and must not be empty. */
RecordKind record_kind(const char *name, size_t size);

/* Whether files of this kind may be read in splits: not whole files, and not
 * a separator such as "--" of which "---" would hold two that overlap. */
bool record_kind_splits(const RecordKind *kind);

typedef struct {
    int fd; // -1: closed
    RecordKind kind;
    bool streams;      // the file has no offsets: a pipe, a terminal
    bool ended;        // all of the file was read
    Buffer buffer;     // read, but not handed out yet
    uint64_t position; // of the buffer's first byte in the file: where the next record is sought
    uint64_t limit;    // the split's end: a record from here on is not ours
} Reader;

#define READER_CLOSED ((Reader){.fd = -1})

/* Begins to read a split; what was open before is closed. length may be
 * UINT64_MAX: up to the end. 0, or -1 with errno, the reader closed. */
int reader_open(Reader *reader, const char *path, uint64_t offset, uint64_t length,
                RecordKind kind);

/* Begins to read from where the descriptor stands, to its end: standard input,
 * or the pipe of a program that decompresses a file. Works on a duplicate; the
 * caller keeps fd. Offsets count from here. 0, or -1 with errno. */
int reader_attach(Reader *reader, int fd, RecordKind kind);

/* Begins to read a part of a file that another process has cut: it begins with
 * a record, and with its end one ends. Works on a duplicate, too. */
int reader_piece(Reader *reader, int fd, uint64_t offset, uint64_t length, RecordKind kind);

/* The next line, whatever the kind of the records, as reader_next: for what
 * stands in front of them. */
int reader_line(Reader *reader, const char **line, size_t *size);

/* 1: *record and *size tell the next record, good until the next call, and
 * *offset its first byte's place in the file; 0: there is none; -1 with errno. */
int reader_next(Reader *reader, const char **record, size_t *size, uint64_t *offset);

/* The record found last has been copied: a big buffer that nothing else is in is given back. */
void reader_release(Reader *reader);

/* Closes the file; errno stays. The buffer is kept for the next one, unless it is big. */
void reader_close(Reader *reader);

void reader_free(Reader *reader);

#endif
