#include "core/wire/handles.h"

#include "core/os/descriptor.h"

void handles_add(Handles *handles, const int *fds, size_t count) {
    buffer_put(&handles->fds, fds, count * sizeof *fds);
}

void handles_drop(Handles *handles, size_t count) {
    int *fds = handles_first(handles);
    for (size_t i = 0; i < count; i++)
        if (fds[i] != HANDLES_LOST) descriptor_close(&fds[i]);
    if (count) buffer_consume(&handles->fds, count * sizeof *fds);
}

void handles_disown(Handles *handles) {
    buffer_clear(&handles->fds);
}

void handles_free(Handles *handles) {
    handles_drop(handles, handles_count(handles));
    buffer_free(&handles->fds);
}
