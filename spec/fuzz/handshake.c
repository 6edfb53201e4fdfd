/* Handshakes, both roles, fuzzed: the input is a program that carries bytes between a client and a
 * server, changes some and makes up others. Whoever is content must have heard exactly what
 * the other said, and with a key, the other has the same. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/net/handshake.h"
#include "spec/fuzz/driver.h"

typedef struct {
    Handshake handshake;
    Secret secret;
    bool failed;
    unsigned char said[2 * HANDSHAKE_MOST], heard[2 * HANDSHAKE_MOST];
    size_t said_size, heard_size;
} Side;

typedef struct {
    const unsigned char *at, *end; // what is left of the program
    Side sides[2];                 // by role
} Carrier;

static void require(bool truth, const char *what) {
    if (truth) return;
    fprintf(stderr, "fuzz: %s\n", what);
    abort();
}

static unsigned next_byte(Carrier *carrier) {
    return carrier->at < carrier->end ? *carrier->at++ : 0;
}

static void begin(Side *side, HandshakeRole role, unsigned key) {
    unsigned char byte = (unsigned char)key;
    bool has_key = key && secret_of(&side->secret, &byte, 1) == 0;
    require(handshake_begin(&side->handshake, role, has_key ? &side->secret : NULL) == 0,
            "no randomness");
}

static void hear(Side *side, const unsigned char *bytes, size_t size) {
    size_t wanted = handshake_wants(&side->handshake);
    if (size > wanted) size = wanted;
    if (side->failed || size == 0) return;
    memcpy(side->heard + side->heard_size, bytes, size);
    side->heard_size += size;
    require(side->heard_size <= HANDSHAKE_MOST, "more was heard than may be");
    side->failed = handshake_hear(&side->handshake, bytes, size) == -1;
}

// What the one says goes to the other, with some bits changed.
static void carry(Carrier *carrier, HandshakeRole from, size_t most, unsigned change) {
    Side *side = &carrier->sides[from];
    const void *bytes;
    unsigned char piece[HANDSHAKE_MOST];
    size_t size = handshake_speech(&side->handshake, &bytes);
    size_t wanted = handshake_wants(&carrier->sides[!from].handshake);
    if (size > most) size = most;
    if (size > wanted) size = wanted;
    if (size == 0) return;
    memcpy(piece, bytes, size);
    memcpy(side->said + side->said_size, bytes, size);
    side->said_size += size;
    handshake_wrote(&side->handshake, size);
    piece[size - 1] ^= (unsigned char)change;
    hear(&carrier->sides[!from], piece, size);
}

static void make_noise(Carrier *carrier, HandshakeRole to, size_t size) {
    for (; size > 0; size--) {
        unsigned char byte = (unsigned char)next_byte(carrier);
        hear(&carrier->sides[to], &byte, 1);
    }
}

static void step(Carrier *carrier) {
    unsigned verb = next_byte(carrier);
    HandshakeRole role = verb & 1 ? HANDSHAKE_SERVER : HANDSHAKE_CLIENT;
    size_t size = verb >> 3;
    switch (verb >> 1 & 3) {
    case 0: return carry(carrier, role, size, 0);
    case 1: return carry(carrier, role, HANDSHAKE_MOST, 0);
    case 2: return carry(carrier, role, size, next_byte(carrier));
    default: return make_noise(carrier, role, size);
    }
}

static void check(const Side *side, const Side *other) {
    bool has_key = side->handshake.secret;
    if (side->failed || handshake_wants(&side->handshake) > 0 || side->heard_size == 0) return;
    require(side->heard_size == (has_key ? HANDSHAKE_MOST : HELLO_SIZE),
            "one was content too soon");
    if (!has_key) return;
    require(other->handshake.secret, "one was content though the other has no key");
    require(secret_equal(&side->secret, &other->secret), "one was content with another key");
    require(side->heard_size <= other->said_size &&
                memcmp(side->heard, other->said, side->heard_size) == 0,
            "one was content with what the other did not say");
}

// fuzz.handshake(program)
int handshake_fuzz(lua_State *L) {
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    Carrier carrier = {.at = (const unsigned char *)bytes,
                       .end = (const unsigned char *)bytes + size};
    begin(&carrier.sides[HANDSHAKE_CLIENT], HANDSHAKE_CLIENT, next_byte(&carrier) % 3);
    begin(&carrier.sides[HANDSHAKE_SERVER], HANDSHAKE_SERVER, next_byte(&carrier) % 3);
    while (carrier.at < carrier.end) step(&carrier);
    check(&carrier.sides[HANDSHAKE_CLIENT], &carrier.sides[HANDSHAKE_SERVER]);
    check(&carrier.sides[HANDSHAKE_SERVER], &carrier.sides[HANDSHAKE_CLIENT]);
    return 0;
}
