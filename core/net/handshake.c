#include "core/net/handshake.h"

#include <errno.h>
#include <string.h>

#include "core/os/descriptor.h"
#include "core/os/fault.h"
#include "core/os/sys.h"

enum { VERSION = 1 };
enum { VERSION_AT = 4, MODE_AT, LAYOUT_AT, NONCE_AT = 8 };
enum { PLAIN, KEYED }; // modes

static const char MAGIC[] = "PLUA";

static unsigned char layout(void) {
    const uint16_t one = 1;
    unsigned little = *(const unsigned char *)&one;
    return (unsigned char)(little | sizeof(size_t) << 1);
}

static int random_bytes(unsigned char *to, size_t size) {
    ssize_t count;
    do count = sys.getrandom(to, size, 0);
    while (count == -1 && errno == EINTR);
    return count == (ssize_t)size ? 0 : -1; // so few come whole or not at all
}

static void say(Handshake *handshake, const void *bytes, size_t size) {
    memcpy(handshake->said + handshake->said_size, bytes, size);
    handshake->said_size += size;
}

static int say_hello(Handshake *handshake) {
    unsigned char *hello = handshake->hellos[handshake->role];
    memcpy(hello, MAGIC, VERSION_AT);
    hello[VERSION_AT] = VERSION;
    hello[MODE_AT] = handshake->secret ? KEYED : PLAIN;
    hello[LAYOUT_AT] = layout();
    if (random_bytes(hello + NONCE_AT, HELLO_SIZE - NONCE_AT) == -1) return -1;
    say(handshake, hello, HELLO_SIZE);
    return 0;
}

int handshake_begin(Handshake *handshake, HandshakeRole role, const Secret *secret) {
    *handshake = (Handshake){.role = role, .secret = secret};
    handshake->wanted = role == HANDSHAKE_SERVER || secret ? HELLO_SIZE : 0;
    return role == HANDSHAKE_CLIENT ? say_hello(handshake) : 0;
}

// ---- proofs

static Secret derive(const Handshake *handshake, const char *label) {
    return secret_derive(handshake->secret, label, handshake->hellos, sizeof handshake->hellos);
}

static Secret proof_of(const Handshake *handshake, HandshakeRole role) {
    return derive(handshake,
                  role == HANDSHAKE_CLIENT ? "parallel-lua 1 client" : "parallel-lua 1 server");
}

Secret handshake_client_secret(const Handshake *handshake) {
    return derive(handshake, "parallel-lua 1 from client");
}

Secret handshake_server_secret(const Handshake *handshake) {
    return derive(handshake, "parallel-lua 1 from server");
}

static void say_proof(Handshake *handshake) {
    Secret proof = proof_of(handshake, handshake->role);
    say(handshake, proof.bytes, sizeof proof.bytes);
}

// ---- hearing

static int refuse(int error) {
    errno = error;
    return -1;
}

int handshake_check_hello(const unsigned char *hello, bool has_key) {
    if (memcmp(hello, MAGIC, VERSION_AT) != 0) return refuse(EPROTO);
    if (hello[VERSION_AT] != VERSION || hello[LAYOUT_AT] != layout() || hello[NONCE_AT - 1] != 0)
        return refuse(EPROTONOSUPPORT);
    return hello[MODE_AT] == (has_key ? KEYED : PLAIN) ? 0 : refuse(EACCES);
}

// A server answers whatever is a hello, so that one of another version learns of it.
static int hear_hello(Handshake *handshake) {
    bool serves = handshake->role == HANDSHAKE_SERVER;
    memcpy(handshake->hellos[serves ? HANDSHAKE_CLIENT : HANDSHAKE_SERVER], handshake->heard,
           HELLO_SIZE);
    int sound = handshake_check_hello(handshake->heard, handshake->secret);
    int error = errno;
    if (serves && (sound == 0 || error != EPROTO) && say_hello(handshake) == -1) return -1;
    if (sound == -1) return refuse(error);
    handshake->met = true;
    if (!handshake->secret) return 0;
    handshake->wanted = SECRET_SIZE;
    if (!serves) say_proof(handshake);
    return 0;
}

static int hear_proof(Handshake *handshake) {
    bool serves = handshake->role == HANDSHAKE_SERVER;
    Secret wanted = proof_of(handshake, serves ? HANDSHAKE_CLIENT : HANDSHAKE_SERVER), given;
    memcpy(given.bytes, handshake->heard, sizeof given.bytes);
    if (!secret_equal(&wanted, &given)) return refuse(EACCES);
    if (serves) say_proof(handshake);
    return 0;
}

size_t handshake_wants(const Handshake *handshake) {
    return handshake->wanted - handshake->heard_size;
}

int handshake_hear(Handshake *handshake, const void *bytes, size_t size) {
    memcpy(handshake->heard + handshake->heard_size, bytes, size);
    handshake->heard_size += size;
    if (handshake->heard_size < handshake->wanted) return 0;
    handshake->heard_size = handshake->wanted = 0;
    return handshake->met ? hear_proof(handshake) : hear_hello(handshake);
}

// ---- saying

size_t handshake_speech(const Handshake *handshake, const void **bytes) {
    *bytes = handshake->said + handshake->written;
    return handshake->said_size - handshake->written;
}

void handshake_wrote(Handshake *handshake, size_t size) {
    handshake->written += size;
}

bool handshake_is_done(const Handshake *handshake) {
    return handshake->wanted == 0 && handshake->written == handshake->said_size;
}

// ---- over a socket

// 1: all is said; 0: there is no room; -1.
static int speak(Handshake *handshake, int fd) {
    const void *bytes;
    for (size_t size; (size = handshake_speech(handshake, &bytes)) > 0;) {
        ssize_t count = descriptor_send(fd, bytes, size, NULL, 0);
        if (count == -1) return errno == EAGAIN ? 0 : refuse(errno == EPIPE ? ECONNRESET : errno);
        handshake_wrote(handshake, (size_t)count);
    }
    return 1;
}

// The same. By read, to which the kernel gives no descriptors: a stranger's are dropped.
static int listen_to(Handshake *handshake, int fd) {
    unsigned char bytes[HELLO_SIZE];
    for (size_t size; (size = handshake_wants(handshake)) > 0;) {
        ssize_t count = descriptor_read(fd, bytes, size);
        if (count == -1 && errno == EAGAIN) return 0;
        if (count <= 0) return refuse(count == 0 || errno == EPIPE ? ECONNRESET : errno);
        if (handshake_hear(handshake, bytes, (size_t)count) == -1) return -1;
        if (handshake->said_size > handshake->written) return 1;
    }
    return 1;
}

int handshake_step(Handshake *handshake, int fd) {
    FAULT("handshake.step");
    while (!handshake_is_done(handshake)) {
        int spoke = speak(handshake, fd);
        if (spoke != 1) return spoke;
        int heard = listen_to(handshake, fd);
        if (heard == 0) return 0;
        if (heard == -1) {
            int error = errno;
            speak(handshake, fd);
            return refuse(error);
        }
    }
    FAULT("handshake.done");
    return 1;
}
