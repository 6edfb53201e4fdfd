#include "core/os/title.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

enum { ARGUMENTS_FIELD = 48 }; // of /proc/self/stat: where the arguments begin, then their end

static const char *skip_fields(const char *at, int count) {
    while (at && count-- > 0) {
        at = strchr(at, ' ');
        if (at) at++;
    }
    return at;
}

// Where the kernel looks for the command line; both 0 when it does not say.
static uintptr_t begin, end;

static void find_arguments(void) {
    char line[2048];
    FILE *file = fopen("/proc/self/stat", "re");
    if (!file) return;
    size_t size = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[size] = '\0';
    const char *state = strrchr(line, ')'); // the name before it may hold anything
    const char *at = state ? skip_fields(state + 1, ARGUMENTS_FIELD - 2) : NULL;
    uintptr_t from, to;
    if (!at || sscanf(at, "%lu %lu", &from, &to) != 2 || !from || to <= from) return;
    begin = from;
    end = to;
}

void title_prepare(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_arguments);
}

void title_set(const char *name) {
    prctl(PR_SET_NAME, name, 0, 0, 0);
    title_prepare();
    if (!begin) return;
    char *arguments = (char *)begin;
    memset(arguments, 0, end - begin);
    snprintf(arguments, end - begin, "parallel-lua: %s", name);
}
