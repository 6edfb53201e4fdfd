/* Stream - what a channel's bytes go through between two programs: sealed when there is a key.
 *
 * Sealed bytes travel in records, each enciphered and vouched for as a whole:
 *
 *      0        4
 *     +--------+------ - - - ------+---------+
 *     |  size  | size bytes        |   tag   |
 *     +--------+------ - - - ------+---------+
 *
 * Records are numbered, each direction for itself, without the numbers being sent: one
 * that was changed, dropped, repeated or moved cannot be opened, and then nothing
 * after it is. A record of no bytes is the last; an end without it was cut off.
 * size is in network byte order. Nothing that was not vouched for leaves this file.
 *
 * Without a key bytes are as they are, behind the listener's hello (core/net/handshake.h), and
 * no descriptors go with them.
 *
 * The numbers lie in memory that forked processes share: no number serves twice,
 * whichever of them sends. The record that says "the last" is the last holder's to send. */
#ifndef PARALLEL_LUA_NET_STREAM_H
#define PARALLEL_LUA_NET_STREAM_H

#include "core/net/handshake.h"
#include "core/wire/channel.h"

typedef struct Stream Stream;

typedef enum {
    STREAM_OPEN,
    STREAM_CLOSED,  // the other end said so; a plain stream cannot tell from
    STREAM_CUT_OFF, // it ended without a word
    STREAM_DAMAGED, // what came was not sent by the other end
    STREAM_REFUSED, // the listener wants a key, or has none
} StreamState;

/* For Channel.transport, with a Stream as its context. */
extern const Transport STREAM_TRANSPORT;

/* Makes one of a handshake that is done. 0, or -1 with ENOMEM. */
int stream_make(Stream **stream, const Handshake *handshake);

/* Why no more comes. */
StreamState stream_state(const Stream *stream);

/* One more process will hold it: before a fork whose child keeps the descriptor. */
void stream_share(Stream *stream);

/* In the child that kept it: what the parent had begun to send is the parent's to finish. */
void stream_inherit(Stream *stream);

/* Of no more use here: the last of those who hold it tells the other end, as far as the
 * socket takes that now. `fd` -1: it is not open here. NULL is harmless. */
void stream_free(Stream *stream, int fd);

#endif
