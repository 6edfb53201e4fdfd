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
 * shared by n processes counts 1/n in each) summed over the tree, and the
 * memfds that its processes hold, which are memory though nobody may have
 * mapped them. Looking costs the command time, so a run is measured for its
 * time or for its memory; without -m the peak is 0. */
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    unsigned long inode;
    int64_t held, mapped; // bytes that it has, and of them those in page tables
} Memfd;

enum { MEMFDS_MAX = 1024 };

// What a tree of processes has at one moment.
typedef struct {
    int64_t mapped; // bytes of all that is mapped, memfds apart
    Memfd memfds[MEMFDS_MAX];
    int memfd_count;
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

static bool is_memfd(const char *name) {
    return strncmp(name, "/memfd:", 7) == 0;
}

static Memfd *memfd_of(Memory *sum, unsigned long inode) {
    int i = 0;
    while (i < sum->memfd_count && sum->memfds[i].inode != inode) i++;
    if (i == MEMFDS_MAX) abort(); // rather than count too little
    if (i == sum->memfd_count) sum->memfds[sum->memfd_count++] = (Memfd){.inode = inode};
    return &sum->memfds[i];
}

/* Adds the mappings of a process. smaps has, for each of them, a line with its
 * range, permissions, offset, device, inode and name, then lines "Key: n kB". */
static void add_mappings(pid_t pid, Memory *sum) {
    char line[4096];
    int64_t *to = &sum->mapped;
    snprintf(line, sizeof line, "/proc/%d/smaps", (int)pid);
    FILE *file = fopen(line, "re");
    if (!file) return; // the process has ended meanwhile
    while (fgets(line, sizeof line, file)) {
        unsigned long inode;
        int name = 0;
        if (sscanf(line, "%*x-%*x %*s %*x %*s %lu %n", &inode, &name) == 1) {
            to = is_memfd(line + name) ? &memfd_of(sum, inode)->mapped : &sum->mapped;
        } else if (strncmp(line, "Pss:", 4) == 0) {
            *to += atoll(line + 4) * 1024;
        }
    }
    fclose(file);
}

static void add_memfds(pid_t pid, Memory *sum) {
    char path[64], name[16] = "";
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *descriptors = opendir(path);
    if (!descriptors) return;
    for (struct dirent *entry; (entry = readdir(descriptors));) {
        struct stat info;
        if (readlinkat(dirfd(descriptors), entry->d_name, name, sizeof name) < 7) continue;
        if (!is_memfd(name) || fstatat(dirfd(descriptors), entry->d_name, &info, 0) == -1) continue;
        memfd_of(sum, info.st_ino)->held = (int64_t)info.st_blocks * 512;
    }
    closedir(descriptors);
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
    add_mappings(pid, sum);
    add_memfds(pid, sum);
    add_children(pid, sum);
}

static int64_t tree_bytes(void) {
    Memory sum = {0};
    add_children(getpid(), &sum);
    for (int i = 0; i < sum.memfd_count; i++) {
        const Memfd *memfd = &sum.memfds[i];
        sum.mapped += memfd->held > memfd->mapped ? memfd->held : memfd->mapped;
    }
    return sum.mapped;
}

static int64_t sample_until_end(pid_t pid) {
    const struct timespec pause = {.tv_nsec = 2000000};
    int64_t peak = 0;
    siginfo_t info = {0};
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && !info.si_pid) {
        int64_t now = tree_bytes();
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

    int64_t peak = 0;
    int status;
    double start = seconds_now();
    pid_t pid = fork();
    if (pid == -1) {
        perror("fork");
        return 1;
    }
    if (pid == 0) run(argv + optind, output);
    if (memory) peak = sample_until_end(pid);
    waitpid(pid, &status, 0);
    double wall = seconds_now() - start;

    while (wait(NULL) != -1 || errno == EINTR) continue; // orphans, for their processor time
    printf("%.6f %.6f %" PRId64 " %d\n", wall, processor_seconds(), peak,
           WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    return 0;
}
