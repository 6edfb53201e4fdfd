/* Address - where a listener is to be found: a path, or a host and a port.
 *
 *     /run/x.sock  x.sock               a socket in the file system
 *     127.0.0.1:8000  [::1]:8000        TCP; port 0: any that is free
 *     localhost:8000                    the first address of that name, IPv4 before IPv6
 *     :8000                             the loopback address
 *
 * Abstract names are not offered: they have no permissions. */
#ifndef PARALLEL_LUA_NET_ADDRESS_H
#define PARALLEL_LUA_NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

typedef struct {
    socklen_t size;
    union {
        struct sockaddr any;
        struct sockaddr_un path;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } name;
} Address;

enum { ADDRESS_TEXT = 128 }; // room for any as text, paths included

/* Makes one of text with this size, at least 1. 0, or -1 with *why, which is a constant. May ask
 * the system's resolver for a host's name, and wait for it. */
int address_parse(Address *address, const char *text, size_t size, const char **why);

/* As address_parse takes it. */
void address_text(const Address *address, char text[static ADDRESS_TEXT]);

static inline bool address_is_path(const Address *address) {
    return address->name.any.sa_family == AF_UNIX;
}

/* Is it one that only processes of this machine reach? */
bool address_is_loopback(const Address *address);

#endif
