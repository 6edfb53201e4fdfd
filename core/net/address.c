#include "core/net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_DIGITS = 5 };

static int refuse(const char **why, const char *reason) {
    *why = reason;
    return -1;
}

// ---- paths

static int parse_path(Address *address, const char *text, size_t size, const char **why) {
    struct sockaddr_un *name = &address->name.path;
    if (memchr(text, '\0', size)) return refuse(why, "the path has a zero byte in it");
    if (size >= sizeof name->sun_path) return refuse(why, "the path is too long for a socket");
    name->sun_family = AF_UNIX;
    memcpy(name->sun_path, text, size);
    address->size = (socklen_t)sizeof *name;
    return 0;
}

// ---- hosts and ports

// Where the colon before the port is; NULL: this is a path.
static const char *find_port(const char *text, size_t size) {
    const char *colon = memrchr(text, ':', size), *end = text + size;
    if (!colon || memchr(text, '/', size) || colon + 1 == end) return NULL;
    for (const char *at = colon + 1; at < end; at++)
        if (*at < '0' || *at > '9') return NULL;
    return colon;
}

static const struct addrinfo *choose(const struct addrinfo *found) {
    for (const struct addrinfo *one = found; one; one = one->ai_next)
        if (one->ai_family == AF_INET) return one;
    return found;
}

static int resolve(Address *address, const char *host, const char *port, const char **why) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error) return refuse(why, gai_strerror(error));
    const struct addrinfo *chosen = choose(found);
    memcpy(&address->name, chosen->ai_addr, chosen->ai_addrlen);
    address->size = chosen->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

static int parse_host(Address *address, const char *text, const char *colon, const char *end,
                      const char **why) {
    char host[NI_MAXHOST] = "127.0.0.1", port[PORT_DIGITS + 1] = "";
    size_t size = (size_t)(colon - text), digits = (size_t)(end - colon) - 1;
    if (size >= 2 && text[0] == '[' && colon[-1] == ']') text++, size -= 2;
    if (size >= sizeof host || memchr(text, '\0', size)) return refuse(why, "no such host");
    if (digits > PORT_DIGITS) return refuse(why, "a port is at most 65535");
    memcpy(port, colon + 1, digits);
    if (atoi(port) > UINT16_MAX) return refuse(why, "a port is at most 65535");
    if (size > 0) {
        memcpy(host, text, size);
        host[size] = '\0';
    }
    return resolve(address, host, port, why);
}

int address_parse(Address *address, const char *text, size_t size, const char **why) {
    memset(address, 0, sizeof *address);
    const char *colon = find_port(text, size);
    if (!colon) return parse_path(address, text, size, why);
    return parse_host(address, text, colon, text + size, why);
}

// ----

void address_text(const Address *address, char text[static ADDRESS_TEXT]) {
    char host[INET6_ADDRSTRLEN] = "";
    switch (address->name.any.sa_family) {
    case AF_UNIX: snprintf(text, ADDRESS_TEXT, "%s", address->name.path.sun_path); break;
    case AF_INET:
        inet_ntop(AF_INET, &address->name.ipv4.sin_addr, host, sizeof host);
        snprintf(text, ADDRESS_TEXT, "%s:%d", host, ntohs(address->name.ipv4.sin_port));
        break;
    default:
        inet_ntop(AF_INET6, &address->name.ipv6.sin6_addr, host, sizeof host);
        snprintf(text, ADDRESS_TEXT, "[%s]:%d", host, ntohs(address->name.ipv6.sin6_port));
    }
}

bool address_is_loopback(const Address *address) {
    switch (address->name.any.sa_family) {
    case AF_UNIX: return true;
    case AF_INET: return ntohl(address->name.ipv4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    default: return IN6_IS_ADDR_LOOPBACK(&address->name.ipv6.sin6_addr);
    }
}
