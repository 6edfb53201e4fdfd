/* Tokens - an iterator in C over the pieces of a text: words, lines, n-grams.
 *
 * One shape for all, so that whoever consumes pieces (a Lua for loop, or
 * emit:all, which never returns to Lua) need not know which they are. */
#ifndef PARALLEL_LUA_SHUFFLE_TOKENS_H
#define PARALLEL_LUA_SHUFFLE_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/wire/buffer.h"

typedef struct Tokens Tokens;

/* How far an iterator has come. Words are sought in a window of the text, with
 * a bit for each of its bytes, the lowest for the first. */
typedef struct {
    const char *at;   // what is left of the text; for words, where the window begins
    uint64_t letters; // the byte is a letter, of a word still to come
} TokensPlace;

/* A run of letters within the window. */
typedef struct {
    unsigned start, end;
    bool whole; // it does not go on in the next window
} TokensRun;

enum { TOKENS_WINDOW = 64 };

struct Tokens {
    /* Moves to the next piece. 1: token and size tell it, good until the next
     * call; 0: there is none; -1: out of memory. */
    int (*next)(Tokens *tokens);
    const char *token;
    size_t size;

    TokensPlace place;
    const char *window; // the bytes of the window as they stand in words; NULL: not of words
    const char *end;    // of the text, which belongs to the caller
    size_t n;           // n-grams: how many words make one
    bool fold;
    const uint8_t *letter; // 256 entries: the byte as it stands in a word, 0 outside words

    // Pieces that do not stand in the text as they are: those within the
    // window, folded with it, and all others. The scratch never holds more
    // bytes than the text has; memory for that many may be put there.
    char folded[TOKENS_WINDOW];
    Buffer scratch;

    // What letter points to when there are extra bytes. The last member, since
    // without them it is not touched, and whoever makes many may save its space.
    uint8_t table[256];
};

/* Takes the first run out of the letters, of which there are some: a one added at its start
 * is carried to its end. */
static inline TokensRun tokens_take_run(TokensPlace *place) {
    uint64_t letters = place->letters;
    uint64_t carried = letters + (letters & -letters);
    place->letters = letters & carried;
    return (TokensRun){(unsigned)__builtin_ctzll(letters),
                       carried ? (unsigned)__builtin_ctzll(carried) : TOKENS_WINDOW, carried != 0};
}

/* Moves to the next piece, as tokens->next does, by a short cut if it is a word that lies
 * within the window. */
static inline int tokens_next(Tokens *tokens) {
    TokensPlace place = tokens->place;
    if (!tokens->window || !place.letters) return tokens->next(tokens);
    TokensRun run = tokens_take_run(&place);
    if (!run.whole) return tokens->next(tokens);
    tokens->token = tokens->window + run.start;
    tokens->size = run.end - run.start;
    tokens->place.letters = place.letters;
    return 1;
}

/* Words: runs of ASCII letters and of the bytes in extra, of which none is
 * zero; A-Z become a-z when fold. */
void tokens_words(Tokens *tokens, const char *text, size_t size, bool fold, const char *extra,
                  size_t extra_size);

/* Lines: pieces that end with "\n", without it; the last one may lack it. A "\r" stays. */
void tokens_lines(Tokens *tokens, const char *text, size_t size);

/* N-grams: each run of n words in a row, joined by a space. */
void tokens_ngrams(Tokens *tokens, const char *text, size_t size, size_t n, bool fold,
                   const char *extra, size_t extra_size);

void tokens_free(Tokens *tokens);

#endif
