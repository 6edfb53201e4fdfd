#include "core/wire/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/os/descriptor.h"
#include "core/os/sys.h"

static int add_copies(Bundle *bundle, const int *fds, size_t count) {
    for (; bundle->count < count; bundle->count++) {
        int copy = sys.fcntl(fds[bundle->count], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (copy == -1) return -1;
        bundle->fds[bundle->count] = copy;
    }
    return 0;
}

int bundle_make(Bundle **bundle, const int *fds, size_t count) {
    *bundle = NULL;
    if (count == 0) return 0;
    if (count > BUNDLE_MOST) {
        errno = E2BIG;
        return -1;
    }
    Bundle *made = sys.realloc(NULL, sizeof *made + count * sizeof *fds);
    if (!made) return -1;
    *made = (Bundle){.holders = 1, .owner = getpid()};
    if (add_copies(made, fds, count) == -1) {
        int saved = errno;
        bundle_drop(made);
        errno = saved;
        return -1;
    }
    *bundle = made;
    return 0;
}

Bundle *bundle_hold(Bundle *bundle) {
    if (bundle) bundle->holders++;
    return bundle;
}

void bundle_drop(Bundle *bundle) {
    if (!bundle || --bundle->holders > 0) return;
    bool ours = bundle->owner == getpid();
    for (size_t i = 0; ours && i < bundle->count; i++) descriptor_close(&bundle->fds[i]);
    free(bundle);
}
