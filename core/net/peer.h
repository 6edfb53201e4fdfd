/* Peer - who is at the other end of a socket, as far as the system tells. */
#ifndef PARALLEL_LUA_NET_PEER_H
#define PARALLEL_LUA_NET_PEER_H

#include "core/net/listener.h"

/* Is it this user's? TCP does not tell, and passes. 0, or -1 with errno: EPERM it is another's.
 * Sets what every connection over TCP wants: no delay, and a sign of life now and then. */
int peer_check(int fd);

/* Fills in address or pid. */
void peer_identify(int fd, Visitor *visitor);

#endif
