/* Vocabulary - the words that a state met lately, as strings of its own.
 *
 * A text repeats its words: of source code, 19 of 20 are among the last few
 * thousand. Those are pushed without Lua having to look for a string that is
 * equal, and an emitter to which they are handed at once finds their states
 * without a search in its table.
 *
 * It is a cache with one place for each hash: a word takes the place of the one before it. */
#ifndef PARALLEL_LUA_LUA_VOCABULARY_H
#define PARALLEL_LUA_LUA_VOCABULARY_H

#include "core/lua/compat.h"
#include "core/shuffle/arena.h"
#include "core/shuffle/gist.h"

enum { VOCABULARY_SIZE = 2048 };

typedef struct {
    Gist gist;
    const void *string; // as lua_topointer tells it; the table of strings keeps it. NULL: none
    uint32_t size;
    Ref entry; // in the table of who counts, or 0: not known
} Word;

typedef struct {
    Word *last;          // that was pushed, or NULL
    const void *counter; // the emitter in whose table the entries are, or NULL
    Word words[VOCABULARY_SIZE];
} Vocabulary;

/* Pushes the vocabulary of this state and the table of its strings, which are made when
 * they are first asked for and live as long as the state. */
Vocabulary *vocabulary_push(lua_State *L);

/* Pushes the word as a string; `strings` is the place of that table. May raise for memory. */
void vocabulary_push_word(lua_State *L, Vocabulary *vocabulary, int strings, const char *bytes,
                          size_t size);

/* From now on entries are those in the table of this one (NULL: of none), none of them known
 * yet: to be called again whenever its table is emptied. */
void vocabulary_count_for(Vocabulary *vocabulary, const void *counter);

/* The word at this index of the stack, if it was pushed last and entries are those of this
 * counter; else NULL. */
static inline Word *vocabulary_last(lua_State *L, int index, const Vocabulary *vocabulary,
                                    const void *counter) {
    Word *last = vocabulary->last;
    if (!last || vocabulary->counter != counter) return NULL;
    return lua_topointer(L, index) == last->string ? last : NULL;
}

#endif
