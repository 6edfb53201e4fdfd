#include "core/os/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/os/descriptor.h"
#include "core/os/fault.h"
#include "core/os/mapping.h"
#include "core/os/sys.h"

// Workers ignore SIGPIPE, and a program that is started inherits that; it shall
// end when nobody reads what it writes.
static int spawn(Filter *filter, char *const argv[], int input, int output) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t pipe_only;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, filter->errors, STDERR_FILENO);
    posix_spawnattr_setsigdefault(&attributes, &pipe_only);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    int started = sys.posix_spawnp(&filter->pid, argv[0], &actions, &attributes, argv);
    int saved = errno;
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    errno = saved;
    return started;
}

static void complain(Filter *filter, const char *joint, const char *what) {
    snprintf(filter->complaint, sizeof filter->complaint, "%s%s%s", filter->program, joint, what);
}

int filter_open(Filter *filter, char *const argv[], const char *path) {
    int output = -1;
    *filter = FILTER_CLOSED;
    filter->program = argv[0];
    int input = sys.open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
    if (input == -1) goto fail;
    if ((filter->errors = mapping_file("parallel-lua errors")) == -1) goto fail;
    if (descriptor_pipe(&filter->fd, &output) == -1) goto fail;
    if (spawn(filter, argv, input, output) == -1) {
        filter->pid = 0;
        if (errno == ENOENT)
            complain(filter, " ", "is not installed");
        else
            complain(filter, ": ", strerror(errno));
        goto fail;
    }
    FAULT("filter.open");
    descriptor_close(&input);
    descriptor_close(&output);
    return 0;

fail:
    descriptor_close(&input);
    descriptor_close(&output);
    filter_close(filter);
    return -1;
}

// Its own words, the first line of them, are the best reason.
static bool quote_errors(Filter *filter) {
    ssize_t n = sys.pread(filter->errors, filter->complaint, sizeof filter->complaint - 1, 0);
    if (n <= 0) return false;
    const char *text = filter->complaint;
    filter->complaint[n] = '\0';
    size_t skipped = strspn(text, "\n"), size = strcspn(text + skipped, "\n");
    memmove(filter->complaint, text + skipped, size);
    filter->complaint[size] = '\0';
    return size > 0;
}

static void describe_end(Filter *filter, const siginfo_t *info) {
    char text[64];
    if (quote_errors(filter)) return;
    if (info->si_code == CLD_EXITED)
        snprintf(text, sizeof text, "exited with status %d", info->si_status);
    else
        snprintf(text, sizeof text, "was killed by signal %d", info->si_status);
    complain(filter, " ", text);
}

static void await(Filter *filter, siginfo_t *info) {
    int waited;
    do waited = sys.waitid(P_PID, (id_t)filter->pid, info, WEXITED);
    while (waited == -1 && errno == EINTR);
    filter->pid = 0;
}

int filter_finish(Filter *filter) {
    siginfo_t info = {0};
    if (!filter->pid) return 0;
    descriptor_close(&filter->fd);
    await(filter, &info);
    bool well = info.si_code == CLD_EXITED && info.si_status == 0;
    if (!well) describe_end(filter, &info);
    filter_close(filter);
    return well ? 0 : -1;
}

void filter_close(Filter *filter) {
    int saved = errno;
    siginfo_t info;
    descriptor_close(&filter->fd);
    if (filter->pid) {
        kill(filter->pid, SIGKILL);
        await(filter, &info);
    }
    descriptor_close(&filter->errors);
    errno = saved;
}
