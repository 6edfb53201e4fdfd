/* Handshake - how two processes find out that they know the same key, before a byte is decoded.
 *
 *     client                                    server
 *       hello: version, nonce       ------->
 *                                   <-------      hello: version, nonce
 *       proof("client", both hellos) ------>
 *                                   <-------      proof("server", both hellos)
 *
 * Everything has a fixed size. The client proves first: strangers get nothing but a
 * nonce. Each role's proof has a label of its own, so neither can be reflected; each
 * side's nonce is in both, so none can be replayed. Whoever fails is not told why.
 *
 * Without a key only the hellos are exchanged. The client does not wait for the
 * server's, which lies before the first bytes that it receives.
 *
 *      0        4         5      6        7     8                 40
 *     +--------+---------+------+--------+-----+------ - - - ------+
 *     | "PLUA" | version | mode | layout |  0  | nonce             |
 *     +--------+---------+------+--------+-----+------ - - - ------+
 *
 * layout tells byte order and sizes of numbers: both ends must be alike, since messages are in
 * the form of the machine. This file moves bytes only; see handshake_step for sockets. */
#ifndef PARALLEL_LUA_NET_HANDSHAKE_H
#define PARALLEL_LUA_NET_HANDSHAKE_H

#include <stdbool.h>

#include "core/net/secret.h"

enum { HELLO_SIZE = 40, HANDSHAKE_MOST = HELLO_SIZE + SECRET_SIZE }; // what either says in all

typedef enum { HANDSHAKE_CLIENT, HANDSHAKE_SERVER } HandshakeRole;

typedef struct {
    HandshakeRole role;
    const Secret *secret;                // NULL: there is no key
    unsigned char hellos[2][HELLO_SIZE]; // the client's, then the server's
    unsigned char heard[HELLO_SIZE];     // of what is under way
    size_t heard_size, wanted;           // wanted 0: all was heard
    unsigned char said[HANDSHAKE_MOST];
    size_t said_size, written; // what lies between them waits to be written
    bool met;                  // the other's hello was sound
} Handshake;

/* Begins one; a secret must live as long as it. 0, or -1 with errno: there is no randomness. */
int handshake_begin(Handshake *handshake, HandshakeRole role, const Secret *secret);

/* How many bytes may be heard next; 0: no more. */
size_t handshake_wants(const Handshake *handshake);

/* Takes bytes, at most as many as are wanted. 0, or -1 with errno: EPROTO for what is no hello,
 * EPROTONOSUPPORT for one of another version or machine, EACCES for one without the key. What is
 * to be said may then still be a hello, which tells the other side so. */
int handshake_hear(Handshake *handshake, const void *bytes, size_t size);

/* What is to be written next: how many bytes. */
size_t handshake_speech(const Handshake *handshake, const void **bytes);

/* So many of them were. */
void handshake_wrote(Handshake *handshake, size_t size);

/* Has everything been said and heard? */
bool handshake_is_done(const Handshake *handshake);

/* Goes on as far as a socket that does not block allows. 1: done; 0: it must be ready to
 * read, or to write when something is to be said; -1 with errno as above, or ECONNRESET when the
 * other side went away before it could prove anything. Never reads beyond the handshake. */
int handshake_step(Handshake *handshake, int fd);

/* Of one that is done: the secrets for what each direction carries. */
Secret handshake_client_secret(const Handshake *handshake);
Secret handshake_server_secret(const Handshake *handshake);

/* Checks a hello of HELLO_SIZE bytes from somebody who has a key, or has not. 0, or -1 as above. */
int handshake_check_hello(const unsigned char *hello, bool has_key);

#endif
