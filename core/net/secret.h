/* Secret - what both ends of a connection know, and what can be done with it.
 *
 * The cryptography is libsodium's, which is optional at build time: without it no
 * secret can be made, so whatever needs one is refused, and nothing below is reached. */
#ifndef PARALLEL_LUA_NET_SECRET_H
#define PARALLEL_LUA_NET_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SECRET_SIZE = 32, SECRET_TAG = 16 };

typedef struct {
    unsigned char bytes[SECRET_SIZE];
} Secret;

/* Was this built with libsodium? */
bool secret_is_offered(void);

/* Makes one of a user's key, of any length. 0, or -1 with ENOTSUP: not offered. */
int secret_of(Secret *secret, const void *key, size_t size);

/* What only those who know the secret can make of the bytes, for the purpose that the label names:
 * a proof, or another secret. */
Secret secret_derive(const Secret *secret, const char *label, const void *bytes, size_t size);

/* In time that does not depend on where they differ. */
bool secret_equal(const Secret *a, const Secret *b);

/* Fills `to` with `size` bytes, and a tag of SECRET_TAG bytes behind them: the text, enciphered.
 * `number` may be used once with this secret; it and the `extra` bytes, which are not sent
 * here, are vouched for too. `to` may be `text`. */
void secret_seal(const Secret *secret, uint64_t number, const void *extra, size_t extra_size,
                 void *to, const void *text, size_t size);

/* The opposite: `size` bytes without the tag. False and nothing of use in `to` when any bit differs
 * from what was sealed. */
bool secret_open(const Secret *secret, uint64_t number, const void *extra, size_t extra_size,
                 void *to, const void *sealed, size_t size);

/* Overwrites memory that held one, in a way that no compiler leaves out. */
void secret_wipe(void *bytes, size_t size);

#endif
