#include "core/wire/buffer.h"

#include <errno.h>
#include <stdlib.h>

#include "core/os/memory.h"
#include "core/os/sys.h"

enum {
    SMALLEST = 256,
    LARGE = 1 << 20, // which is not kept when it is empty
};

// Room that was consumed at the start is used again before more is asked for,
// once it is at least half of the whole, so that moving stays cheap.
static bool slide_to_start(Buffer *buffer, size_t more) {
    size_t size = buffer_size(buffer);
    if (buffer->start < buffer->capacity / 2 || buffer->capacity - size < more) return false;
    memmove(buffer->data, buffer_bytes(buffer), size);
    buffer->start = 0;
    buffer->end = size;
    return true;
}

int buffer_grow(Buffer *buffer, size_t more) {
    if (slide_to_start(buffer, more)) return 0;
    if (more > SIZE_MAX / 2 - buffer->end) {
        errno = ENOMEM;
        return -1;
    }
    size_t wanted = buffer->end + more;
    size_t capacity = buffer->capacity ? buffer->capacity : SMALLEST;
    while (capacity < wanted) capacity *= 2;
    char *data = sys.realloc(buffer->data, capacity);
    if (!data) return -1;
    if (capacity >= MEMORY_LARGE) memory_enlarge_pages(data, capacity);
    buffer->data = data;
    buffer->capacity = capacity;
    return 0;
}

void buffer_settle(Buffer *buffer) {
    if (buffer->capacity > LARGE && buffer_size(buffer) == 0) buffer_free(buffer);
}

void buffer_free(Buffer *buffer) {
    free(buffer->data);
    *buffer = (Buffer){0};
}
