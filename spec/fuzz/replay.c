/* The driver without libFuzzer: runs a target on the contents of files.
 *
 *    replay TARGET FILE... */
#include <stdio.h>
#include <stdlib.h>

#include "core/wire/buffer.h"
#include "spec/fuzz/driver.h"

static void fail(const char *path) {
    perror(path);
    exit(2);
}

static void read_file(const char *path, Buffer *to) {
    enum { PIECE = 1 << 16 };
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    buffer_clear(to);
    do {
        if (buffer_reserve(to, PIECE) == -1) fail(path);
        buffer_added(to, fread(buffer_tail(to), 1, PIECE, file));
    } while (!feof(file) && !ferror(file));
    if (ferror(file)) fail(path);
    fclose(file);
}

int main(int count, char **arguments) {
    if (count < 3) {
        fprintf(stderr, "usage: replay target file ...\n");
        return 2;
    }
    lua_State *L = driver_open(arguments[1]);
    Buffer bytes = {0};
    for (int i = 2; i < count; i++) {
        read_file(arguments[i], &bytes);
        // Told before, since some inputs end the process.
        printf("%s\n", arguments[i]);
        fflush(stdout);
        driver_run(L, buffer_bytes(&bytes), buffer_size(&bytes));
    }
    buffer_free(&bytes);
    lua_close(L);
    return 0;
}
