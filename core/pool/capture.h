/* Capture - the files in which the stdout and stderr of one place's workers are caught.
 *
 * They are the pool's, so that what a worker printed is there when it has died.
 * The worker decides what comes of it while it lives (core/os/outlet.h); what it
 * has done with it, its board tells. */
#ifndef PARALLEL_LUA_POOL_CAPTURE_H
#define PARALLEL_LUA_POOL_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/wire/buffer.h"

enum { CAPTURES = 2 }; // stdout, stderr

typedef struct {
    int files[CAPTURES];
} Capture;

#define CAPTURE_NONE ((Capture){{-1, -1}})

/* 0, or -1 with errno and nothing open. */
int capture_open(Capture *capture);

bool capture_is_empty(const Capture *capture);

/* Makes it empty. */
void capture_clear(const Capture *capture);

/* Appends what a file holds from `from` on; none is like an empty one. 0, or -1 with errno. */
int capture_read(const Capture *capture, int which, uint64_t from, Buffer *to);

/* Twice is harmless. */
void capture_close(Capture *capture);

#endif
