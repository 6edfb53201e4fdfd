/* Title - what this process is called in lists of processes. */
#ifndef PARALLEL_LUA_OS_TITLE_H
#define PARALLEL_LUA_OS_TITLE_H

/* Its short name becomes `name` (15 bytes of it), its command line
 * "parallel-lua: name", cut to the size of the one it had. Only for processes of
 * our own: the command line is overwritten where it lies. */
void title_set(const char *name);

/* Finds out what the above needs to know. It does so itself; but who does this before it forks
 * spares each of its children the search. */
void title_prepare(void);

#endif
