/* Measure - run a command and say what it and all its descendants used.
 *
 *     measure [-m] [-o FILE] COMMAND ARGUMENT...
 *
 * prints one line: wall seconds, processor seconds, peak bytes, exit status
 * (128 + n when signal n ended it). FILE gets the command's standard output.
 *
 * Wall time runs from before the fork to the end of the command. Processor
 * time is that of every descendant: orphans come to us, as their subreaper.
 *
 * -m samples memory every two milliseconds: the proportional set size (a page
 * shared by n processes counts 1/n in each) summed over the tree. Shared
 * memory is counted by how much that of the whole system grew, because a
 * memfd that nobody maps belongs to no process. Looking costs the command
 * time, so a run is measured for its time or for its memory; without -m the
 * peak is 0. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    int64_t own;    // kB of anonymous memory and mapped files
    int64_t shared; // kB of mapped shared memory
} Memory;

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds(struct timeval time) {
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double processor_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The kB of a line "Name:   123 kB" of a file in /proc; 0 when there is none.
static int64_t read_kb(const char *path, const char *name) {
    char line[256];
    int64_t kb = 0;
    FILE *file = fopen(path, "re");
    if (!file) return 0; // the process has ended meanwhile
    size_t size = strlen(name);
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, name, size) == 0 && line[size] == ':') kb = atoll(line + size + 1);
    }
    fclose(file);
    return kb;
}

static void add_tree(pid_t pid, Memory *sum);

static void add_children_of_thread(pid_t pid, const char *thread, Memory *sum) {
    char path[512];
    int child;
    snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, thread);
    FILE *file = fopen(path, "re");
    if (!file) return;
    while (fscanf(file, "%d", &child) == 1) add_tree(child, sum);
    fclose(file);
}

static void add_children(pid_t pid, Memory *sum) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    if (!threads) return;
    for (struct dirent *entry; (entry = readdir(threads));) {
        if (entry->d_name[0] != '.') add_children_of_thread(pid, entry->d_name, sum);
    }
    closedir(threads);
}

static void add_tree(pid_t pid, Memory *sum) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    int64_t all = read_kb(path, "Pss"), shared = read_kb(path, "Pss_Shmem");
    if (all > shared) sum->own += all - shared;
    sum->shared += shared;
    add_children(pid, sum);
}

static int64_t system_shared(void) {
    return read_kb("/proc/meminfo", "Shmem");
}

static int64_t tree_kb(int64_t shared_before) {
    Memory sum = {0};
    add_children(getpid(), &sum);
    int64_t grown = system_shared() - shared_before;
    return sum.own + (grown > sum.shared ? grown : sum.shared);
}

static int64_t sample_until_end(pid_t pid, int64_t shared_before) {
    const struct timespec pause = {.tv_nsec = 2000000};
    int64_t peak = 0;
    siginfo_t info = {0};
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && !info.si_pid) {
        int64_t now = tree_kb(shared_before);
        if (now > peak) peak = now;
        nanosleep(&pause, NULL);
    }
    return peak;
}

static void run(char **command, const char *output) {
    if (output) {
        int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd == -1 || dup2(fd, STDOUT_FILENO) == -1) {
            perror(output);
            _exit(126);
        }
    }
    execvp(command[0], command);
    perror(command[0]);
    _exit(127);
}

int main(int argc, char **argv) {
    bool memory = false;
    const char *output = NULL;
    int option;
    while ((option = getopt(argc, argv, "+mo:")) != -1) {
        if (option == 'm')
            memory = true;
        else if (option == 'o')
            output = optarg;
        else
            return 2;
    }
    if (optind == argc) {
        fprintf(stderr, "usage: measure [-m] [-o file] command [argument ...]\n");
        return 2;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);

    int64_t shared_before = system_shared(), peak = 0;
    int status;
    double start = seconds_now();
    pid_t pid = fork();
    if (pid == -1) {
        perror("fork");
        return 1;
    }
    if (pid == 0) run(argv + optind, output);
    if (memory) peak = sample_until_end(pid, shared_before);
    waitpid(pid, &status, 0);
    double wall = seconds_now() - start;

    while (wait(NULL) != -1 || errno == EINTR) continue; // orphans, for their processor time
    printf("%.6f %.6f %" PRId64 " %d\n", wall, processor_seconds(), peak * 1024,
           WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    return 0;
}
