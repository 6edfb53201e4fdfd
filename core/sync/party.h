/* Party - one process, told apart from every other that ever had its number.
 *
 *      63                          22 21                 0
 *     +------------------------------+--------------------+
 *     |  birth, in ticks since boot  |  process number    |
 *     +------------------------------+--------------------+
 *
 * A party fits one word, so that it can be written, compared and exchanged in
 * one step: whatever names its holder this way is whole whenever that holder
 * is killed. The processes must see each other under the same numbers: what is
 * shared cannot be used across PID namespaces. */
#ifndef PARALLEL_LUA_SYNC_PARTY_H
#define PARALLEL_LUA_SYNC_PARTY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef uint64_t Party;

#define PARTY_NONE ((Party)0)

/* Remembers which party this process is. Asking the system takes far longer than
 * taking a lock; the memory of it is a page that the kernel empties in forked
 * children, which are parties of their own. Where it cannot do that, nothing is
 * remembered. */
typedef struct {
    Party party;
} Passport;

/* A passport for this process and those forked from it; NULL with errno. */
Passport *passport_open(void);

void passport_close(Passport *passport); // NULL is harmless

/* Asks the system who this process is, and remembers it. */
Party passport_find(Passport *passport);

/* Which party this process is. */
static inline Party passport_party(Passport *passport) {
    Party party = passport->party;
    return party ? party : passport_find(passport);
}

pid_t party_pid(Party party);

/* Whether its process has ended. A dead one that nobody waited for has ended;
 * a stopped one has not. Takes some microseconds. */
bool party_is_gone(Party party);

#endif
