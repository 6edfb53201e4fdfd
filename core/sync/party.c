#include "core/sync/party.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/os/descriptor.h"
#include "core/os/sys.h"

enum { PID_BITS = 22, PASSPORT_SIZE = 4096 }; // no Linux has greater process numbers than 2^22

typedef struct {
    char state; // as in proc(5): 'Z' for a dead one that nobody waited for
    uint64_t birth;
} Account;

// Fields 3 and 22 of /proc/PID/stat; field 2 is the name, which may hold anything, ")" too.
static bool parse_account(const char *text, Account *account) {
    const char *fields = strrchr(text, ')');
    return fields && sscanf(fields,
                            ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s"
                            " %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu",
                            &account->state, &account->birth) == 2;
}

// False when the system tells nothing of that process.
static bool read_account(pid_t pid, Account *account) {
    char path[32], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = sys.open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd == -1) return false;
    ssize_t size = descriptor_read(fd, text, sizeof text - 1);
    descriptor_close(&fd);
    if (size <= 0) return false;
    text[size] = '\0';
    return parse_account(text, account);
}

Passport *passport_open(void) {
    Passport *passport =
        sys.mmap(NULL, PASSPORT_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return passport == MAP_FAILED ? NULL : passport;
}

void passport_close(Passport *passport) {
    if (passport) munmap(passport, PASSPORT_SIZE);
}

Party passport_find(Passport *passport) {
    pid_t pid = getpid();
    Account account = {0};
    read_account(pid, &account); // without /proc the number alone must do
    Party party = account.birth << PID_BITS | (Party)pid;
    if (sys.madvise(passport, PASSPORT_SIZE, MADV_WIPEONFORK) == 0) passport->party = party;
    return party;
}

pid_t party_pid(Party party) {
    return (pid_t)(party & ((1 << PID_BITS) - 1));
}

// The first thread of a process may have ended while others go on.
static bool all_threads_ended(pid_t pid) {
    int fd = sys.pidfd_open(pid, 0);
    if (fd == -1) return true;
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    bool gone = sys.poll(&ended, 1, 0) > 0;
    descriptor_close(&fd);
    return gone;
}

bool party_is_gone(Party party) {
    pid_t pid = party_pid(party);
    if (kill(pid, 0) == -1 && errno == ESRCH) return true;
    Account account;
    if (!read_account(pid, &account)) return false;
    uint64_t birth = party >> PID_BITS;
    if (birth && birth != account.birth) return true;
    return (account.state == 'Z' || account.state == 'X') && all_threads_ended(pid);
}
