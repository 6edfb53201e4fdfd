#include "core/os/title.h"

#include <stdbool.h>
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

// Where the kernel looks for the command line. False when it does not say.
static bool find_arguments(uintptr_t *begin, uintptr_t *end) {
    char line[2048];
    FILE *file = fopen("/proc/self/stat", "re");
    if (!file) return false;
    size_t size = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[size] = '\0';
    const char *state = strrchr(line, ')'); // the name before it may hold anything
    const char *at = state ? skip_fields(state + 1, ARGUMENTS_FIELD - 2) : NULL;
    return at && sscanf(at, "%lu %lu", begin, end) == 2 && *begin && *end > *begin;
}

void title_set(const char *name) {
    uintptr_t begin, end;
    prctl(PR_SET_NAME, name, 0, 0, 0);
    if (!find_arguments(&begin, &end)) return;
    char *arguments = (char *)begin;
    memset(arguments, 0, end - begin);
    snprintf(arguments, end - begin, "parallel-lua: %s", name);
}
