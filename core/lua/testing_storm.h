/* Storm - for whole test runs: signals, thousands a second, that interrupt what waits. */
#ifndef PARALLEL_LUA_LUA_TESTING_STORM_H
#define PARALLEL_LUA_LUA_TESTING_STORM_H

/* So many SIGALRM a second for this process as PARALLEL_LUA_STORM says, caught
 * without SA_RESTART; none when it is not set. Children have none of it. */
void testing_storm_begin(void);

#endif
