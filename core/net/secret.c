#include "core/net/secret.h"

#include <errno.h>
#include <string.h>

#ifdef PARALLEL_LUA_SODIUM

#include <sodium.h>

_Static_assert((int)SECRET_SIZE == crypto_auth_hmacsha256_BYTES, "a secret is a HMAC-SHA-256");
_Static_assert((int)SECRET_SIZE == crypto_aead_chacha20poly1305_ietf_KEYBYTES, "and a key");
_Static_assert((int)SECRET_TAG == crypto_aead_chacha20poly1305_ietf_ABYTES, "the tag's size");

bool secret_is_offered(void) {
    return sodium_init() != -1;
}

static Secret hmac(const void *key, size_t key_size, const char *label, const void *bytes,
                   size_t size) {
    Secret made;
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, key_size);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)label, strlen(label) + 1);
    crypto_auth_hmacsha256_update(&state, bytes, size);
    crypto_auth_hmacsha256_final(&state, made.bytes);
    sodium_memzero(&state, sizeof state);
    return made;
}

int secret_of(Secret *secret, const void *key, size_t size) {
    if (!secret_is_offered()) {
        errno = ENOTSUP;
        return -1;
    }
    *secret = hmac(key, size, "parallel-lua 1 key", "", 0);
    return 0;
}

Secret secret_derive(const Secret *secret, const char *label, const void *bytes, size_t size) {
    return hmac(secret->bytes, sizeof secret->bytes, label, bytes, size);
}

bool secret_equal(const Secret *a, const Secret *b) {
    return sodium_memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

typedef struct {
    unsigned char bytes[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
} Nonce;

static Nonce nonce_of(uint64_t number) {
    Nonce nonce = {{0}};
    for (int i = 0; i < 8; i++) nonce.bytes[i] = (unsigned char)(number >> 8 * i);
    return nonce;
}

void secret_seal(const Secret *secret, uint64_t number, const void *extra, size_t extra_size,
                 void *to, const void *text, size_t size) {
    Nonce nonce = nonce_of(number);
    crypto_aead_chacha20poly1305_ietf_encrypt(to, NULL, text, size, extra, extra_size, NULL,
                                              nonce.bytes, secret->bytes);
}

bool secret_open(const Secret *secret, uint64_t number, const void *extra, size_t extra_size,
                 void *to, const void *sealed, size_t size) {
    Nonce nonce = nonce_of(number);
    return crypto_aead_chacha20poly1305_ietf_decrypt(to, NULL, NULL, sealed, size + SECRET_TAG,
                                                     extra, extra_size, nonce.bytes,
                                                     secret->bytes) == 0;
}

void secret_wipe(void *bytes, size_t size) {
    sodium_memzero(bytes, size);
}

#else

bool secret_is_offered(void) {
    return false;
}

int secret_of(Secret *secret, const void *key, size_t size) {
    (void)secret, (void)key, (void)size;
    errno = ENOTSUP;
    return -1;
}

// Whoever came here all the same gets nothing that could pass for a proof.
Secret secret_derive(const Secret *secret, const char *label, const void *bytes, size_t size) {
    (void)secret, (void)label, (void)bytes, (void)size;
    return (Secret){{0}};
}

bool secret_equal(const Secret *a, const Secret *b) {
    (void)a, (void)b;
    return false;
}

void secret_seal(const Secret *secret, uint64_t number, const void *extra, size_t extra_size,
                 void *to, const void *text, size_t size) {
    (void)secret, (void)number, (void)extra, (void)extra_size, (void)text;
    memset(to, 0, size + SECRET_TAG);
}

bool secret_open(const Secret *secret, uint64_t number, const void *extra, size_t extra_size,
                 void *to, const void *sealed, size_t size) {
    (void)secret, (void)number, (void)extra, (void)extra_size, (void)to, (void)sealed, (void)size;
    return false;
}

void secret_wipe(void *bytes, size_t size) {
    explicit_bzero(bytes, size);
}

#endif
