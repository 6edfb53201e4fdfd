#include "core/wire/bulk.h"

#include <stdlib.h>

#include "core/os/sys.h"

Bulk *bulk_make(Buffer *bytes) {
    Bulk *bulk = sys.realloc(NULL, sizeof *bulk);
    if (!bulk) return NULL;
    *bulk = (Bulk){.holders = 1, .bytes = *bytes};
    *bytes = (Buffer){0};
    return bulk;
}

Bulk *bulk_hold(Bulk *bulk) {
    if (bulk) bulk->holders++;
    return bulk;
}

void bulk_drop(Bulk *bulk) {
    if (!bulk || --bulk->holders > 0) return;
    buffer_free(&bulk->bytes);
    free(bulk);
}
