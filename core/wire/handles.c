#include "core/wire/handles.h"

#include <fcntl.h>

#include "core/os/descriptor.h"
#include "core/os/sys.h"

int handles_add(Handles *handles, const int *fds, size_t count) {
    return buffer_append(&handles->fds, fds, count * sizeof *fds);
}

static void drop_last(Handles *handles, size_t count) {
    for (int *fd = handles_first(handles) + handles_count(handles); count > 0; count--) {
        descriptor_close(--fd);
        handles->fds.end -= sizeof *fd;
    }
}

int handles_add_copies(Handles *handles, const int *fds, size_t count) {
    if (buffer_reserve(&handles->fds, count * sizeof *fds) == -1) return -1;
    for (size_t i = 0; i < count; i++) {
        int copy = sys.fcntl(fds[i], F_DUPFD_CLOEXEC, 3); // never one of the standard streams
        if (copy == -1) {
            drop_last(handles, i);
            return -1;
        }
        buffer_append(&handles->fds, &copy, sizeof copy); // cannot fail: reserved
    }
    return 0;
}

void handles_drop(Handles *handles, size_t count) {
    int *fds = handles_first(handles);
    for (size_t i = 0; i < count; i++) descriptor_close(&fds[i]);
    if (count) buffer_consume(&handles->fds, count * sizeof *fds);
}

void handles_disown(Handles *handles) {
    buffer_clear(&handles->fds);
}

void handles_free(Handles *handles) {
    handles_drop(handles, handles_count(handles));
    buffer_free(&handles->fds);
}
