/* Bundle - descriptors that go with a message, held until nobody will send them any more.
 *
 * Of each it holds a duplicate of its own. A message may be sent again, so several
 * may hold one bundle; the last one closes them. In a copy that fork made they
 * are not open, and dropping it there closes nothing. */
#ifndef PARALLEL_LUA_WIRE_BUNDLE_H
#define PARALLEL_LUA_WIRE_BUNDLE_H

#include <stddef.h>
#include <sys/types.h>

enum { BUNDLE_MOST = 253 }; // that the kernel sends at once

typedef struct {
    size_t holders;
    pid_t owner;
    size_t count;
    int fds[];
} Bundle;

/* *bundle with duplicates, close-on-exec, of these, or NULL for none. 0, or -1 with
 * errno: ENOMEM, EMFILE, EBADF, E2BIG for more than BUNDLE_MOST. */
int bundle_make(Bundle **bundle, const int *fds, size_t count);

/* One holder more; NULL is harmless, here and below. Returns the bundle. */
Bundle *bundle_hold(Bundle *bundle);

/* One holder less. */
void bundle_drop(Bundle *bundle);

static inline size_t bundle_count(const Bundle *bundle) {
    return bundle ? bundle->count : 0;
}

#endif
