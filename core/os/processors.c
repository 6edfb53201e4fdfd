#include "core/os/processors.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_PROCESSORS = 8192, LONGEST_FOLDER = 2 * PATH_MAX };

// As many as cpu_set_t cannot hold, whose macros take an array of it as well.
typedef cpu_set_t Processors[MOST_PROCESSORS / CPU_SETSIZE];

static int affinity_count(void) {
    Processors set;
    bool known = sched_getaffinity(0, sizeof set, set) == 0;
    return known ? CPU_COUNT_S(sizeof set, set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
}

// There are more than `number`.
static int nth_allowed(const Processors set, int number) {
    int cpu = 0;
    while (!CPU_ISSET_S((size_t)cpu, sizeof(Processors), set) || number-- > 0) cpu++;
    return cpu;
}

int processors_pin(int number) {
    Processors set;
    if (sched_getaffinity(0, sizeof set, set) == -1) return -1;
    int cpu = nth_allowed(set, number % CPU_COUNT_S(sizeof set, set));
    CPU_ZERO_S(sizeof set, set);
    CPU_SET_S((size_t)cpu, sizeof set, set);
    return sched_setaffinity(0, sizeof set, set);
}

static bool read_line(const char *path, char *line, int size) {
    FILE *file = fopen(path, "re");
    if (!file) return false;
    bool read = fgets(line, size, file) != NULL;
    fclose(file);
    return read;
}

// The quota of one control group folder in processors, rounded up; INT_MAX when it has none.
static int group_quota(const char *folder) {
    char path[LONGEST_FOLDER + sizeof "/cpu.max"], line[64];
    long quota, period;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    if (!read_line(path, line, sizeof line)) return INT_MAX;
    if (sscanf(line, "%ld %ld", &quota, &period) != 2 || period <= 0) return INT_MAX; // "max ..."
    return (int)((quota + period - 1) / period);
}

int processors_quota(const char *root, const char *group) {
    char folder[LONGEST_FOLDER],
        *end = folder + snprintf(folder, sizeof folder, "%s%s", root, group);
    int least = INT_MAX;
    for (const char *top = folder + strlen(root); end >= top; end = strrchr(folder, '/')) {
        *end = '\0';
        int quota = group_quota(folder);
        if (quota < least) least = quota;
    }
    return least;
}

static int cgroup_count(void) {
    char line[PATH_MAX];
    if (!read_line("/proc/self/cgroup", line, sizeof line)) return INT_MAX;
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "0::", 3) != 0) return INT_MAX; // only version 2 is asked
    return processors_quota("/sys/fs/cgroup", line + 3);
}

int processors_usable(void) {
    int allowed = affinity_count(), quota = cgroup_count();
    int count = allowed < quota ? allowed : quota;
    return count > 0 ? count : 1;
}
