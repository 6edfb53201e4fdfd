/* The limits of the pool's benchmark: what the system asks for the least that could do.
 *
 *     pool apply    microseconds for 32 bytes to another process and back, over pipes
 *     pool large    gibibytes a second when 64 MiB go to another process and back, over pipes
 *     pool open     milliseconds to fork two processes, hear of each, and wait for them */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "work.h"

enum { SIZE = 32, ROUNDS = 20000, POOLS = 200, LARGE = 64 << 20, LARGE_ROUNDS = 7 };

static void echo(int in, int out) {
    char bytes[SIZE];
    while (read(in, bytes, SIZE) == SIZE) check(write(out, bytes, SIZE) == SIZE);
    _exit(0);
}

static double apply(void) {
    int to[2], from[2];
    char bytes[SIZE] = {0};
    check(pipe(to) == 0 && pipe(from) == 0);
    pid_t child = fork();
    check(child != -1);
    if (child == 0) {
        close(to[1]);
        echo(to[0], from[1]);
    }
    double began = now();
    for (int i = 0; i < ROUNDS; i++)
        check(write(to[1], bytes, SIZE) == SIZE && read(from[0], bytes, SIZE) == SIZE);
    double taken = now() - began;
    close(to[1]);
    waitpid(child, NULL, 0);
    return taken / ROUNDS * 1e6;
}

static void move(ssize_t (*call)(int, void *, size_t), int fd, char *bytes) {
    for (size_t done = 0; done < LARGE;) {
        ssize_t count = call(fd, bytes + done, LARGE - done);
        if (count <= 0) _exit(count != 0);
        done += (size_t)count;
    }
}

static ssize_t put(int fd, void *bytes, size_t size) {
    return write(fd, bytes, size);
}

static double large(void) {
    int to[2], from[2];
    char *bytes = malloc(LARGE);
    check(bytes && pipe(to) == 0 && pipe(from) == 0);
    memset(bytes, 1, LARGE);
    pid_t child = fork();
    check(child != -1);
    if (child == 0) close(to[1]);
    while (child == 0) {
        move(read, to[0], bytes);
        move(put, from[1], bytes);
    }
    double began = now();
    for (int i = 0; i < LARGE_ROUNDS; i++) {
        move(put, to[1], bytes);
        move(read, from[0], bytes);
    }
    double taken = now() - began;
    close(to[1]);
    waitpid(child, NULL, 0);
    free(bytes);
    return 2.0 * LARGE / (1 << 30) * LARGE_ROUNDS / taken;
}

static void start_two(void) {
    int ready[2];
    char byte;
    check(pipe(ready) == 0);
    for (int i = 0; i < 2; i++) {
        pid_t child = fork();
        check(child != -1);
        if (child == 0) _exit(write(ready[1], "x", 1) != 1);
    }
    for (int i = 0; i < 2; i++) check(read(ready[0], &byte, 1) == 1);
    for (int i = 0; i < 2; i++) check(wait(NULL) > 0);
    close(ready[0]);
    close(ready[1]);
}

static double open_and_close(void) {
    double began = now();
    for (int i = 0; i < POOLS; i++) start_two();
    return (now() - began) / POOLS * 1e3;
}

int main(int count, char **words) {
    check(count == 2);
    double (*work)(void) = strcmp(words[1], "apply") == 0   ? apply
                           : strcmp(words[1], "large") == 0 ? large
                                                            : open_and_close;
    printf("%g\n", work());
}
