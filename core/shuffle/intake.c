#include "core/shuffle/intake.h"

#include "core/os/descriptor.h"

enum { READ_SIZE = 1 << 18 };

void intake_open(Intake *intake, int fd, RecordKind kind) {
    *intake = (Intake){.fd = fd, .kind = kind};
}

// Records are found from the front, as a reader does: separators may overlap.
static void find_ends(Intake *intake) {
    const RecordKind *kind = &intake->kind;
    const char *bytes = buffer_bytes(&intake->buffer);
    size_t size = buffer_size(&intake->buffer);
    if (!kind->separator || size <= intake->whole) return;
    if (kind->size == 1) {
        const char *last = memrchr(bytes + intake->whole, *kind->separator, size - intake->whole);
        if (last) intake->whole = (size_t)(last - bytes) + 1;
        return;
    }
    const char *found;
    while ((found = memmem(bytes + intake->whole, size - intake->whole, kind->separator,
                           kind->size)) != NULL)
        intake->whole = (size_t)(found - bytes) + kind->size;
}

int intake_read(Intake *intake) {
    if (intake->ended) return 0;
    if (buffer_reserve(&intake->buffer, READ_SIZE) == -1) return -1;
    ssize_t n = descriptor_read(intake->fd, buffer_tail(&intake->buffer), READ_SIZE);
    if (n == -1) return -1;
    buffer_added(&intake->buffer, (size_t)n);
    intake->ended = n == 0;
    find_ends(intake);
    return n > 0;
}

static void advance(Intake *intake, size_t size) {
    buffer_consume(&intake->buffer, size);
    intake->position += size;
    intake->whole = intake->whole > size ? intake->whole - size : 0;
}

int intake_line(Intake *intake, const char **line, size_t *size) {
    *line = buffer_bytes(&intake->buffer);
    *size = buffer_size(&intake->buffer);
    const char *newline = *size ? memchr(*line, '\n', *size) : NULL;
    if (newline) *size = (size_t)(newline - *line) + 1;
    if (!newline && !(intake->ended && *size)) return 0;
    advance(intake, *size);
    return 1;
}

int intake_cut(Intake *intake, int to, size_t least, Region *piece) {
    size_t size = intake->ended ? buffer_size(&intake->buffer) : intake->whole;
    if (!size || (size < least && !intake->ended)) return 0;
    *piece = (Region){.offset = intake->position, .length = size};
    if (descriptor_write_at(to, buffer_bytes(&intake->buffer), size, (off_t)piece->offset) == -1)
        return -1;
    advance(intake, size);
    return 1;
}

void intake_free(Intake *intake) {
    buffer_free(&intake->buffer);
}
