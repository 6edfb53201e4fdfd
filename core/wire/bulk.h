/* Bulk - many bytes that are written once and then not copied, however often they are sent.
 *
 * Several may hold one: who made it, to send it again, and each message that it goes with.
 * The last one frees it. Nobody changes the bytes. */
#ifndef PARALLEL_LUA_WIRE_BULK_H
#define PARALLEL_LUA_WIRE_BULK_H

#include "core/wire/buffer.h"

typedef struct {
    size_t holders;
    Buffer bytes;
} Bulk;

/* Takes over what is in the buffer, which is then empty; its one holder is the caller. NULL with
 * ENOMEM and the buffer untouched. */
Bulk *bulk_make(Buffer *bytes);

/* One holder more; NULL is harmless, here and below. Returns the bulk. */
Bulk *bulk_hold(Bulk *bulk);

/* One holder less. */
void bulk_drop(Bulk *bulk);

static inline size_t bulk_size(const Bulk *bulk) {
    return bulk ? buffer_size(&bulk->bytes) : 0;
}

#endif
