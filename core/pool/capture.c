#include "core/pool/capture.h"

#include "core/os/descriptor.h"
#include "core/os/mapping.h"
#include "core/os/sys.h"

int capture_open(Capture *capture) {
    *capture = CAPTURE_NONE;
    for (int i = 0; i < CAPTURES; i++) {
        capture->files[i] = mapping_file("parallel-lua output");
        if (capture->files[i] != -1) continue;
        capture_close(capture);
        return -1;
    }
    return 0;
}

bool capture_is_empty(const Capture *capture) {
    struct stat info;
    for (int i = 0; i < CAPTURES; i++)
        if (capture->files[i] != -1 && sys.fstat(capture->files[i], &info) == 0 && info.st_size > 0)
            return false;
    return true;
}

void capture_clear(const Capture *capture) {
    for (int i = 0; i < CAPTURES; i++)
        if (capture->files[i] != -1) sys.ftruncate(capture->files[i], 0);
}

int capture_read(const Capture *capture, int which, uint64_t from, Buffer *to) {
    struct stat info;
    int file = capture->files[which];
    if (file == -1) return 0;
    if (sys.fstat(file, &info) == -1) return -1;
    uint64_t size = (uint64_t)info.st_size;
    if (from > size) from = 0; // a command that opened /dev/stdout has cut the file
    if (buffer_reserve(to, (size_t)(size - from)) == -1) return -1;
    while (from < size) {
        ssize_t got = sys.pread(file, buffer_tail(to), (size_t)(size - from), (off_t)from);
        if (got <= 0) return got == 0 ? 0 : -1;
        buffer_added(to, (size_t)got);
        from += (uint64_t)got;
    }
    return 0;
}

void capture_close(Capture *capture) {
    for (int i = 0; i < CAPTURES; i++) descriptor_close(&capture->files[i]);
}
