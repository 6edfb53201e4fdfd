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

struct Tokens {
    /* Moves to the next piece. 1: token and size tell it, good until the next
     * call; 0: there is none; -1: out of memory. */
    int (*next)(Tokens *tokens);
    const char *token;
    size_t size;

    const char *at, *end;  // what is left of the text; it belongs to the caller
    const uint8_t *letter; // 256 entries: the byte as it stands in a word, 0 outside words
    Buffer scratch;        // pieces that do not stand in the text as they are (folded, joined)
    size_t n;              // n-grams: how many words make one
    uint8_t table[256];    // what letter points to when `extra` bytes were asked for; else unused
};

/* Words: runs of ASCII letters and of the bytes in extra; A-Z become a-z when fold. */
void tokens_words(Tokens *tokens, const char *text, size_t size, bool fold, const char *extra,
                  size_t extra_size);

/* Lines: pieces that end with "\n", without it; the last one may lack it. A "\r" stays. */
void tokens_lines(Tokens *tokens, const char *text, size_t size);

/* N-grams: each run of n words in a row, joined by a space. */
void tokens_ngrams(Tokens *tokens, const char *text, size_t size, size_t n, bool fold,
                   const char *extra, size_t extra_size);

void tokens_free(Tokens *tokens);

#endif
