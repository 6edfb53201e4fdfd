#include "core/pool/places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/os/clock.h"
#include "core/os/sys.h"

enum {
    MOST_STARTS = 5,     // in a row that fail, before the places are given up
    FIRST_PAUSE_MS = 10, // after one, doubled each time
};

// ---- the poller ----------------------------------------------------------

static uint64_t tag_of(const Worker *worker, int which) {
    return (uint64_t)worker->index * TAGS + (uint64_t)which;
}

static int watch(Places *places, Worker *worker) {
    Poller *poller = &places->poller;
    int end = worker->process.pidfd;
    if (poller_watch(poller, worker->channel.fd, POLLER_READ, tag_of(worker, TAG_CHANNEL)) == -1)
        return -1;
    return end == -1 ? 0 : poller_watch(poller, end, POLLER_READ, tag_of(worker, TAG_END));
}

// Explicitly, since closing is not enough: a child that was forked meanwhile and
// has not closed its copies yet would keep them in the poller, under a tag that
// is by then the replacement's. Where that fails the poller may go on telling of them for a moment.
static void unwatch(Places *places, Worker *worker) {
    poller_watch(&places->poller, worker->channel.fd, 0, 0);
    if (worker->process.pidfd != -1) poller_watch(&places->poller, worker->process.pidfd, 0, 0);
}

// A closed end is always ready: it would keep us from ever waiting.
void places_watch_channel(Places *places, const Worker *worker) {
    unsigned what = worker->flooded ? POLLER_READ | POLLER_WRITE : POLLER_READ;
    poller_watch(&places->poller, worker->channel.fd, worker->silent ? 0 : what,
                 tag_of(worker, TAG_CHANNEL));
}

// ---- starting ------------------------------------------------------------

static void note_failed_start(Places *places) {
    int doubled = places->failed_starts < MOST_STARTS ? places->failed_starts : MOST_STARTS;
    uint64_t pause = (uint64_t)FIRST_PAUSE_MS << doubled;
    places->next_start = clock_now() + pause * NS_PER_MS;
    places->failed_starts++;
}

static void note_reason(Places *places, bool refused, const char *bytes, size_t size) {
    places->refused = refused;
    places->end = (ProcessEnd){.exitcode = -1};
    buffer_clear(&places->reason);
    buffer_append(&places->reason, bytes, size); // without memory there is no reason to tell
}

static int start_process(Places *places, Worker *worker) {
    if (!places->starter.start) return worker_start(worker, &places->service, &places->kept);
    return worker_recruit(worker, &places->starter, places->letter, &places->kept);
}

// With the descriptors that are to be kept at this moment.
static int start_keeping(Places *places, Worker *worker) {
    buffer_clear(&places->kept);
    if (places->keep && places->keep(places->keep_context, &places->kept) == -1) return -1;
    return start_process(places, worker);
}

// What does not fit into the channel now is written when there is room.
static void send_letter(Places *places, Worker *worker) {
    worker_flush(worker);
    if (worker->flooded) places_watch_channel(places, worker);
}

static bool start(Places *places, Worker *worker) {
    if (start_keeping(places, worker) == 0) {
        if (watch(places, worker) == 0) {
            send_letter(places, worker);
            return true;
        }
        int saved = errno;
        process_kill(&worker->process);
        process_reap(&worker->process);
        places_vacate(places, worker);
        errno = saved;
    }
    const char *text = strerror(errno);
    note_reason(places, false, text, strlen(text));
    note_failed_start(places);
    return false;
}

// While some worker lives the others are tried again, at the longest pause.
static bool may_ever_start(const Places *places) {
    return !places_gave_up(places) || (places->begun && places_alive(places) > 0);
}

static bool may_start(const Places *places) {
    return may_ever_start(places) && clock_now() >= places->next_start;
}

// Also beyond those wanted, while there are tasks that only this place may run.
static bool is_missing(const Places *places, const Worker *worker) {
    return worker->state == WORKER_ABSENT &&
           (worker->index < places->wanted || worker->own.count > 0);
}

static bool any_missing(const Places *places) {
    for (int i = 0; i < places->count; i++)
        if (is_missing(places, &places->workers[i])) return true;
    return false;
}

void places_dismiss_surplus(Places *places) {
    for (int i = places->wanted; i < places->count; i++) {
        Worker *worker = &places->workers[i];
        if (worker->state == WORKER_READY && worker->own.count == 0) worker_dismiss(worker);
    }
}

int places_fill(Places *places) {
    int started = 0;
    for (int i = 0; i < places->count; i++) {
        Worker *worker = &places->workers[i];
        if (!is_missing(places, worker)) continue;
        if (!may_start(places)) break;
        started += start(places, worker);
    }
    return started;
}

int places_timeout(const Places *places) {
    if (!may_ever_start(places) || !any_missing(places)) return -1;
    uint64_t now = clock_now();
    return now >= places->next_start ? 0 : (int)((places->next_start - now) / NS_PER_MS) + 1;
}

void places_note_ready(Places *places) {
    places->begun = true;
    places->failed_starts = 0;
}

// A service that refuses to begin in the very first workers will refuse in all.
void places_note_refused(Places *places, const char *reason, size_t size) {
    note_reason(places, true, reason, size);
    if (!places->begun) places->failed_starts = MOST_STARTS;
}

void places_note_start_death(Places *places, const ProcessEnd *end) {
    static const char TEXT[] = "the workers end before they are ready";
    if (end->exitcode != SERVE_REFUSED) {
        note_reason(places, false, TEXT, sizeof TEXT - 1);
        places->end = *end;
    }
    note_failed_start(places);
}

// ---- their tasks ---------------------------------------------------------

size_t places_tasks(const Places *places) {
    size_t count = 0;
    for (int i = 0; i < places->count; i++)
        count += places->workers[i].own.count + places->workers[i].held.count;
    return count;
}

Worker *places_holder(const Places *places, uint64_t id) {
    for (int i = 0; i < places->count; i++)
        for (Task *task = places->workers[i].held.first; task; task = task->next)
            if (task->id == id) return &places->workers[i];
    return NULL;
}

Task *places_abandoned(Places *places) {
    if (!places_gave_up(places) || places_broken(places)) return NULL;
    for (int i = 0; i < places->count; i++) {
        Worker *worker = &places->workers[i];
        Task *task = worker->state == WORKER_ABSENT ? task_queue_pop(&worker->own) : NULL;
        if (!task) continue;
        orders_forget(&worker->board->orders, task->id);
        return task;
    }
    return NULL;
}

// ---- all of them ---------------------------------------------------------

int places_alive(const Places *places) {
    int count = 0;
    for (int i = 0; i < places->count; i++) count += places->workers[i].state != WORKER_ABSENT;
    return count;
}

bool places_gave_up(const Places *places) {
    return places->failed_starts >= MOST_STARTS;
}

bool places_broken(const Places *places) {
    return places_gave_up(places) && places_alive(places) == 0;
}

void places_vacate(Places *places, Worker *worker) {
    unwatch(places, worker);
    worker_clear(worker);
}

void places_kill(Places *places) {
    for (int i = 0; i < places->count; i++) process_kill(&places->workers[i].process);
}

void places_reap(Places *places) {
    for (int i = 0; i < places->count; i++)
        if (places->workers[i].process.pid) process_reap(&places->workers[i].process);
}

static int make_places(Places *places, int count) {
    Worker *workers = sys.realloc(places->workers, (size_t)count * sizeof *workers);
    if (!workers) return -1;
    places->workers = workers;
    for (; places->count < count; places->count++)
        if (worker_init(&places->workers[places->count], places->count, places->starter.start) ==
            -1)
            return -1;
    return 0;
}

// A worker that was not wanted for a while has missed what all others were
// told. So those that are in a place beyond leave for good, and their places are
// filled anew should they be wanted again; what only they were to run waits for that.
int places_resize(Places *places, int wanted) {
    if (wanted > places->count && make_places(places, wanted) == -1) return -1;
    int keep = wanted < places->wanted ? wanted : places->wanted;
    for (int i = keep; i < places->count; i++) worker_dismiss(&places->workers[i]);
    places->wanted = wanted;
    return 0;
}

void places_take_letter(Places *places, Task *letter) {
    task_free(places->letter);
    places->letter = letter;
}

int places_open(Places *places, int count, const Service *service, const Starter *starter,
                PlacesKeep *keep, void *keep_context) {
    *places = (Places){.service = *service,
                       .starter = *starter,
                       .keep = keep,
                       .keep_context = keep_context,
                       .poller.fd = -1,
                       .wanted = count};
    if (make_places(places, count) == -1) return -1;
    return poller_open(&places->poller);
}

// The descriptors are not open here, or are others.
void places_disown(Places *places) {
    for (int i = 0; i < places->count; i++) {
        channel_disown(&places->workers[i].channel);
        places->workers[i].process = PROCESS_NONE;
    }
    places->poller.fd = -1;
}

void places_close(Places *places) {
    for (int i = 0; i < places->count; i++) worker_free(&places->workers[i]);
    places->count = 0;
    buffer_free(&places->reason);
    task_free(places->letter);
    poller_close(&places->poller);
    free(places->workers);
    buffer_free(&places->kept);
}
