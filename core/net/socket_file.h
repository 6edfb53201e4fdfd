/* SocketFile - the path of a listener in the file system: who may take it, who removes it. */
#ifndef PARALLEL_LUA_NET_SOCKET_FILE_H
#define PARALLEL_LUA_NET_SOCKET_FILE_H

#include <sys/stat.h>
#include <sys/types.h>

#include "core/net/address.h"

typedef struct {
    pid_t owner; // who made it, and removes it; 0: there is none
    dev_t device;
    ino_t inode;
} SocketFile;

/* Binds the socket to the path, where only this user may connect to it. A socket that is there
 * already is replaced when it is this user's and nobody listens to it. 0, or -1 with errno:
 * EADDRINUSE somebody does; EPERM it is another user's; ELOOP a symbolic link; EEXIST
 * something else. */
int socket_file_bind(SocketFile *file, int fd, const Address *address);

/* Removes the path, in the process that made it, if it still is what was made. Twice is harmless.
 */
void socket_file_remove(SocketFile *file, const Address *address);

#endif
