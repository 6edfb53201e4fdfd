#include "core/shuffle/tokens.h"

#include <string.h>

#define LOWERS                                                                                     \
    'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', \
        't', 'u', 'v', 'w', 'x', 'y', 'z'
#define UPPERS                                                                                     \
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', \
        'T', 'U', 'V', 'W', 'X', 'Y', 'Z'

static const uint8_t AS_IS[256] = {['A'] = UPPERS, ['a'] = LOWERS};
static const uint8_t FOLDED[256] = {['A'] = LOWERS, ['a'] = LOWERS};

static void begin(Tokens *tokens, int (*next)(Tokens *), const char *text, size_t size) {
    tokens->next = next;
    tokens->token = NULL;
    tokens->size = 0;
    tokens->at = text;
    tokens->end = text + size;
    tokens->scratch = (Buffer){0};
}

static void choose_letters(Tokens *tokens, bool fold, const char *extra, size_t extra_size) {
    tokens->letter = fold ? FOLDED : AS_IS;
    if (!extra_size) return;
    memcpy(tokens->table, tokens->letter, sizeof tokens->table);
    for (size_t i = 0; i < extra_size; i++) {
        uint8_t byte = (uint8_t)extra[i];
        if (!tokens->table[byte]) tokens->table[byte] = byte;
    }
    tokens->letter = tokens->table;
}

// Finds the next word at or after `from`, as it stands in the text. *changes
// tells whether it stands otherwise as a token.
static bool find_word(const Tokens *tokens, const char *from, const char **word, size_t *size,
                      bool *changes) {
    const uint8_t *letter = tokens->letter;
    const uint8_t *at = (const uint8_t *)from, *end = (const uint8_t *)tokens->end;
    while (at < end && !letter[*at]) at++;
    const uint8_t *start = at;
    unsigned difference = 0, as;
    for (; at < end && (as = letter[*at]) != 0; at++) difference |= as ^ *at;
    *word = (const char *)start;
    *size = (size_t)(at - start);
    *changes = difference != 0;
    return at > start;
}

// Appends the word to the scratch as its letters are to stand there.
static int append_word(Tokens *tokens, const char *word, size_t size) {
    if (buffer_reserve(&tokens->scratch, size) == -1) return -1;
    char *to = buffer_tail(&tokens->scratch);
    for (size_t i = 0; i < size; i++) to[i] = (char)tokens->letter[(uint8_t)word[i]];
    buffer_added(&tokens->scratch, size);
    return 0;
}

static int next_word(Tokens *tokens) {
    bool changes;
    if (!find_word(tokens, tokens->at, &tokens->token, &tokens->size, &changes)) {
        tokens->at = tokens->end;
        return 0;
    }
    tokens->at = tokens->token + tokens->size;
    if (!changes) return 1;
    buffer_clear(&tokens->scratch);
    if (append_word(tokens, tokens->token, tokens->size) == -1) return -1;
    tokens->token = buffer_bytes(&tokens->scratch);
    return 1;
}

void tokens_words(Tokens *tokens, const char *text, size_t size, bool fold, const char *extra,
                  size_t extra_size) {
    begin(tokens, next_word, text, size);
    choose_letters(tokens, fold, extra, extra_size);
}

static int next_line(Tokens *tokens) {
    if (tokens->at == tokens->end) return 0;
    size_t left = (size_t)(tokens->end - tokens->at);
    const char *newline = memchr(tokens->at, '\n', left);
    tokens->token = tokens->at;
    tokens->size = newline ? (size_t)(newline - tokens->at) : left;
    tokens->at = newline ? newline + 1 : tokens->end;
    return 1;
}

void tokens_lines(Tokens *tokens, const char *text, size_t size) {
    begin(tokens, next_line, text, size);
}

// Joins n words from here on; the next n-gram begins with the second of them.
static int next_ngram(Tokens *tokens) {
    const char *from = tokens->at, *word;
    size_t size;
    bool changes;
    buffer_clear(&tokens->scratch);
    for (size_t i = 0; i < tokens->n; i++) {
        if (!find_word(tokens, from, &word, &size, &changes)) {
            tokens->at = tokens->end;
            return 0;
        }
        if (i && buffer_append_byte(&tokens->scratch, ' ') == -1) return -1;
        if (append_word(tokens, word, size) == -1) return -1;
        from = word + size;
        if (i == 0) tokens->at = from;
    }
    tokens->token = buffer_bytes(&tokens->scratch);
    tokens->size = buffer_size(&tokens->scratch);
    return 1;
}

void tokens_ngrams(Tokens *tokens, const char *text, size_t size, size_t n, bool fold,
                   const char *extra, size_t extra_size) {
    begin(tokens, next_ngram, text, size);
    choose_letters(tokens, fold, extra, extra_size);
    tokens->n = n;
}

void tokens_free(Tokens *tokens) {
    buffer_free(&tokens->scratch);
}
