/* Intake - cuts a stream into pieces that others can map side by side.
 *
 * A piece is some bytes that end where a record does. It is written to a file at the
 * place that it has in the stream, where other processes read it (reader_piece);
 * nothing is looked at twice, and no more is held in memory than a piece.
 *
 *     intake_open    on a descriptor such as standard input
 *     intake_read    once, as much as there is: it waits only when there is nothing
 *     intake_cut     all whole records so far, as a piece */
#ifndef PARALLEL_LUA_SHUFFLE_INTAKE_H
#define PARALLEL_LUA_SHUFFLE_INTAKE_H

#include "core/shuffle/reader.h"
#include "core/shuffle/record.h"

typedef struct {
    int fd; // the caller's
    RecordKind kind;
    Buffer buffer;     // read, but not cut yet
    uint64_t position; // of the buffer's first byte in the stream
    size_t whole;      // the bytes of the buffer up to the end of a record
    bool ended;
} Intake;

/* The kind's separator must live as long as the intake. */
void intake_open(Intake *intake, int fd, RecordKind kind);

/* 1 when more was read, 0 at the end of the stream, -1 with errno. */
int intake_read(Intake *intake);

/* Takes a line off the front, with its newline: 1, good until the next call; 0 when
 * more must be read before, -1 never. */
int intake_line(Intake *intake, const char **line, size_t *size);

/* Writes a piece to the file: 1 with *piece filled in (its count stays 0), 0 when there are not
 * `least` bytes of whole records, or -1 with errno. At the end of the stream all that is left is a
 * piece, if it is anything. */
int intake_cut(Intake *intake, int to, size_t least, Region *piece);

void intake_free(Intake *intake);

#endif
