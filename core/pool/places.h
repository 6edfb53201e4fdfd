/* Places - the places of a pool, one for each worker, and when to fill the empty ones.
 *
 * A worker that ended leaves its place empty; places_fill forks the next one
 * into it. Starts that fail come with growing pauses; after a few in a row an empty place
 * is no longer to be counted on, and when no worker lives either the places are *broken*:
 * the reason is kept for whoever asks. */
#ifndef PARALLEL_LUA_POOL_PLACES_H
#define PARALLEL_LUA_POOL_PLACES_H

#include "core/os/poller.h"
#include "core/pool/worker.h"

/* Appends to `fds`, as int, the descriptors that a worker forked now inherits. 0 or -1. */
typedef int PlacesKeep(void *context, Buffer *fds);

typedef struct {
    Worker *workers;
    int count;  // places there are
    int wanted; // those to be filled: the first ones; the others empty themselves
    Service service;
    Starter starter;  // makes them; without one they are forked here
    Task *letter;     // what those that it makes are told first
    PlacesKeep *keep; // what workers inherit beside their channels; NULL: nothing
    void *keep_context;
    Buffer kept;   // what that said last
    Poller poller; // knows the descriptors of all workers

    bool begun;          // some worker has been ready
    int failed_starts;   // in a row
    uint64_t next_start; // not before, as clock_now
    bool refused;        // the reason is what the service wrote
    Buffer reason;       // why the last start failed
    ProcessEnd end;      // how that worker ended before it was ready, if that is why
} Places;

/* Which of a worker's descriptors the poller speaks of; its tags are
 * index * TAGS + one of these. */
enum { TAG_CHANNEL, TAG_END, TAGS };

/* All empty. 0, or -1 with errno, after which places_close frees what there is. */
int places_open(Places *places, int count, const Service *service, const Starter *starter,
                PlacesKeep *keep, void *keep_context);

/* From now on this, which they free, is the letter to those that the starter makes. */
void places_take_letter(Places *places, Task *letter);

/* So many workers are wanted from now on; those beyond leave when they have
 * done what they hold. Moves the workers in memory. 0, or -1 with ENOMEM. */
int places_resize(Places *places, int wanted);

/* Sends away the workers that are not wanted and have nothing more to do. */
void places_dismiss_surplus(Places *places);

/* Forks workers into empty places, unless it is not time yet. Returns how many. */
int places_fill(Places *places);

/* The milliseconds until places_fill will do something, -1 when nothing is to be done. */
int places_timeout(const Places *places);

/* The worker's channel is full, or no longer, or closed on its side (`flooded`,
 * `silent`): the poller shall tell of room in it, or not tell of it again. */
void places_watch_channel(Places *places, const Worker *worker);

/* The worker has ended and been reaped: its place is empty. */
void places_vacate(Places *places, Worker *worker);

/* A worker is ready: starting works. */
void places_note_ready(Places *places);

/* A worker's service refused to begin, for this reason. */
void places_note_refused(Places *places, const char *reason, size_t size);

/* A worker ended before it was ready. */
void places_note_start_death(Places *places, const ProcessEnd *end);

/* How many tasks the workers hold, or only one of them may run. */
size_t places_tasks(const Places *places);

/* The worker that holds the task of this number, or NULL. */
Worker *places_holder(const Places *places, uint64_t id);

/* A task that only one worker may run, when that one is gone and starting was given
 * up while others live; NULL: there is none. The caller's from then on. */
Task *places_abandoned(Places *places);

int places_alive(const Places *places);
bool places_gave_up(const Places *places);
bool places_broken(const Places *places);

void places_kill(Places *places); // all workers
void places_reap(Places *places); // waits for the end of all

/* In a copy that fork made: forgets what belongs to the process that opened them. */
void places_disown(Places *places);

void places_close(Places *places);

#endif
