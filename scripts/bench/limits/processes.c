/* The limits of the benchmark of processes and connections: what the system asks for the least that
 * could do.
 *
 *     processes start    milliseconds to fork a process that ends at once, and wait for it
 *     processes pipe     microseconds for 32 bytes to another process and back, over a socket
 *     processes plain    the same */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "work.h"

enum { SIZE = 32, ROUNDS = 20000, STARTS = 500 };

static double start(void) {
    double began = now();
    for (int i = 0; i < STARTS; i++) {
        pid_t child = fork();
        if (child == 0) _exit(0);
        check(child != -1 && waitpid(child, NULL, 0) == child);
    }
    return (now() - began) / STARTS * 1e3;
}

static void echo(int fd) {
    char bytes[SIZE];
    while (recv(fd, bytes, SIZE, 0) == SIZE) check(send(fd, bytes, SIZE, 0) == SIZE);
    _exit(0);
}

static double round_trip(void) {
    int ends[2];
    char bytes[SIZE] = {0};
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    pid_t child = fork();
    check(child != -1);
    if (child == 0) {
        close(ends[0]);
        echo(ends[1]);
    }
    double began = now();
    for (int i = 0; i < ROUNDS; i++)
        check(send(ends[0], bytes, SIZE, 0) == SIZE && recv(ends[0], bytes, SIZE, 0) == SIZE);
    double taken = now() - began;
    close(ends[0]);
    waitpid(child, NULL, 0);
    return taken / ROUNDS * 1e6;
}

int main(int count, char **words) {
    check(count == 2);
    printf("%g\n", strcmp(words[1], "start") == 0 ? start() : round_trip());
}
