/* Alone - run a command that is left nothing open but its standard streams:
 *
 *     alone COMMAND ARGUMENT...
 *
 * What a terminal or a build left open would cost some of the compared programs time, and others
 * not. */
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    close_range(3, ~0U, 0);
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    return 127;
}
