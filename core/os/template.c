#include "core/os/template.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/os/descriptor.h"
#include "core/os/fault.h"
#include "core/os/spawn.h"
#include "core/os/sys.h"

enum {
    ANSWER_MS = 10000,  // it only forks: one that takes longer is stopped, or worse
    CANNOT_PLACE = 71,  // exit status: short of descriptors
    MOST_AT_ONCE = 253, // descriptors that the kernel passes with a message
};

typedef struct {
    pid_t pid; // -1: `error` says why
    int error;
} Answer;

// ---- messages ------------------------------------------------------------

// An order as it travels: its bytes, and descriptors beside them. Where those are more than pass
// at once, the others follow with the first bytes of the order again.
typedef struct {
    struct msghdr header;
    struct iovec part;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * MOST_AT_ONCE)];
    } beside;
} Message;

static struct msghdr *message_of(Message *message, void *bytes, size_t size, size_t descriptors) {
    message->part = (struct iovec){.iov_base = bytes, .iov_len = size};
    message->header = (struct msghdr){.msg_iov = &message->part,
                                      .msg_iovlen = 1,
                                      .msg_control = message->beside.bytes,
                                      .msg_controllen = CMSG_SPACE(sizeof(int) * descriptors)};
    return &message->header;
}

static ssize_t send_message(int socket, const struct msghdr *header) {
    ssize_t sent;
    do sent = sys.sendmsg(socket, header, MSG_NOSIGNAL);
    while (sent == -1 && errno == EINTR);
    return sent;
}

static ssize_t receive_message(int socket, struct msghdr *header) {
    ssize_t got;
    do got = sys.recvmsg(socket, header, MSG_CMSG_CLOEXEC);
    while (got == -1 && errno == EINTR);
    return got;
}

static int send_piece(int socket, TemplateOrder *order, size_t size, const int *fds, int count) {
    Message message = {0};
    struct msghdr *header = message_of(&message, order, size, (size_t)count);
    struct cmsghdr *beside = CMSG_FIRSTHDR(header);
    beside->cmsg_level = SOL_SOCKET;
    beside->cmsg_type = SCM_RIGHTS;
    beside->cmsg_len = CMSG_LEN(sizeof *fds * (size_t)count);
    memcpy(CMSG_DATA(beside), fds, sizeof *fds * (size_t)count);
    return send_message(socket, header) == -1 ? -1 : 0;
}

static int send_order(int socket, TemplateOrder *order) {
    size_t size = sizeof *order - sizeof *order->numbers * (size_t)(TEMPLATE_MOST - order->count);
    for (int sent = 0, count; sent < order->count; sent += count, size = sizeof order->count) {
        count = order->count - sent < MOST_AT_ONCE ? order->count - sent : MOST_AT_ONCE;
        if (send_piece(socket, order, size, order->numbers + sent, count) == -1) return -1;
    }
    return 0;
}

// How many descriptors came with it; 0: there is no more to come.
static int receive_piece(int socket, void *bytes, size_t size, int *fds) {
    Message message = {0};
    struct msghdr *header = message_of(&message, bytes, size, MOST_AT_ONCE);
    ssize_t got = receive_message(socket, header);
    struct cmsghdr *beside = got > 0 ? CMSG_FIRSTHDR(header) : NULL;
    if (!beside || (header->msg_flags & MSG_CTRUNC)) return 0;
    size_t taken = beside->cmsg_len - CMSG_LEN(0);
    memcpy(fds, CMSG_DATA(beside), taken);
    return (int)(taken / sizeof *fds);
}

// True with *order and the descriptors under the numbers they got here; false: no more orders.
static bool receive_order(int socket, TemplateOrder *order, int *received) {
    int again, count = receive_piece(socket, order, sizeof *order, received);
    for (int all = count; count > 0 && all < order->count; all += count)
        count = receive_piece(socket, &again, sizeof again, received + all);
    return count > 0;
}

static int send_answer(int socket, Answer answer) {
    struct iovec part = {.iov_base = &answer, .iov_len = sizeof answer};
    return send_message(socket, &(struct msghdr){.msg_iov = &part, .msg_iovlen = 1}) == -1 ? -1 : 0;
}

// -1 with EPIPE when the template has ended instead.
static int receive_answer(int socket, Answer *answer) {
    struct iovec part = {.iov_base = answer, .iov_len = sizeof *answer};
    ssize_t got = receive_message(socket, &(struct msghdr){.msg_iov = &part, .msg_iovlen = 1});
    if (got >= 0 && got != sizeof *answer) errno = EPIPE;
    return got == sizeof *answer ? 0 : -1;
}

// ---- in the template -----------------------------------------------------

// What was received may have the number that another shall get: so first all
// are moved out of the way, then each to its place.
static void place(int *received, const TemplateOrder *order) {
    int highest = 0;
    for (int i = 0; i < order->count; i++)
        if (order->numbers[i] > highest) highest = order->numbers[i];
    for (int i = 0; i < order->count; i++) {
        received[i] = sys.fcntl(received[i], F_DUPFD_CLOEXEC, highest + 1);
        if (received[i] == -1) _exit(CANNOT_PLACE);
    }
    for (int i = 0; i < order->count; i++)
        if (dup3(received[i], order->numbers[i], O_CLOEXEC) == -1) _exit(CANNOT_PLACE);
}

static pid_t make(TemplateOrder *order, int *received, ProcessMain *main, void *context) {
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    FAULT("template.fork");
    pid_t pid = sys.clone_sibling();
    if (pid == 0) {
        place(received, order);
        process_enter(order->numbers, order->count, template_ties(order), main, context);
    }
    int saved = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return pid;
}

void template_serve(int socket, TemplateOrder *order, ProcessMain *main, void *context) {
    int received[TEMPLATE_MOST];
    while (receive_order(socket, order, received)) {
        Answer answer = {.pid = make(order, received, main, context)};
        answer.error = errno;
        FAULT("template.made");
        for (int i = 0; i < order->count; i++) descriptor_close(&received[i]);
        if (send_answer(socket, answer) == -1) return;
    }
}

// ---- in its parent -------------------------------------------------------

// Also what it made and could not tell of: that waits at its gate, in its group as yet.
static void end_group(Process *process) {
    siginfo_t info;
    process_kill(process);
    while (sys.waitid(P_PGID, (id_t)process->pid, &info, WEXITED) == 0 || errno == EINTR) {}
    process->pid = 0;
}

void template_close(Template *template) {
    if (template->socket != -1 && template->owner == getpid()) {
        end_group(&template->process);
        process_close(&template->process);
        descriptor_close(&template->socket);
    }
    template->process = PROCESS_NONE;
    template->socket = -1;
}

static int open_template(Template *template) {
    int ends[2];
    if (sys.socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == -1) return -1;
    int started = spawn_start(&template->process, template->argv, &ends[1], 1);
    descriptor_close(&ends[1]);
    if (started == -1) {
        descriptor_close(&ends[0]);
        return -1;
    }
    template->socket = ends[0];
    template->owner = getpid();
    return 0;
}

static int wait_for_answer(int socket) {
    struct pollfd answered = {.fd = socket, .events = POLLIN};
    int ready;
    do ready = sys.poll(&answered, 1, ANSWER_MS);
    while (ready == -1 && errno == EINTR);
    if (ready == 0) errno = ETIMEDOUT;
    return ready == 1 ? 0 : -1;
}

// 0 with *answer; -1: the template is of no use any more.
static int ask(Template *template, TemplateOrder *order, Answer *answer) {
    if (template->socket == -1 && open_template(template) == -1) return -1;
    FAULT("template.order");
    if (send_order(template->socket, order) == 0 && wait_for_answer(template->socket) == 0 &&
        receive_answer(template->socket, answer) == 0)
        return 0;
    int saved = errno;
    template_close(template);
    errno = saved;
    return -1;
}

// With ties of its own each time: what a template that died made in vain finds its end closed.
static int start_once(Template *template, Process *process, const int *given, int count) {
    Ties theirs, ours;
    if (ties_make(&theirs, &ours) == -1) return -1;
    TemplateOrder order = {.count = count + PROCESS_TIES, .numbers = {theirs.life, theirs.gate}};
    Answer answer = {.pid = -1};
    memcpy(order.numbers + PROCESS_TIES, given, sizeof *given * (size_t)count);
    if (ask(template, &order, &answer) == 0) errno = answer.error;
    if (answer.pid != -1) process_take(process, answer.pid, &ours);
    ties_close(&theirs);
    ties_close(&ours);
    return answer.pid == -1 ? -1 : 0;
}

static bool is_dead(int error) {
    return error == EPIPE || error == ECONNRESET;
}

// A template that has died meanwhile is replaced, once.
int template_start(Template *template, Process *process, const int *given, int count) {
    if (template->owner != getpid()) template_close(template);
    if (count > TEMPLATE_MOST_GIVEN) {
        errno = E2BIG;
        return -1;
    }
    int started = start_once(template, process, given, count);
    if (started == -1 && is_dead(errno)) started = start_once(template, process, given, count);
    return started;
}
