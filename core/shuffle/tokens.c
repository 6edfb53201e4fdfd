#include "core/shuffle/tokens.h"

#include <endian.h>
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
    tokens->place = (TokensPlace){text, 0};
    tokens->window = NULL;
    tokens->end = text + size;
    tokens->scratch = (Buffer){0};
}

static void choose_letters(Tokens *tokens, bool fold, const char *extra, size_t extra_size) {
    tokens->fold = fold;
    tokens->letter = fold ? FOLDED : AS_IS;
    if (!extra_size) return;
    memcpy(tokens->table, tokens->letter, sizeof tokens->table);
    for (size_t i = 0; i < extra_size; i++) {
        uint8_t byte = (uint8_t)extra[i];
        if (!tokens->table[byte]) tokens->table[byte] = byte;
    }
    tokens->letter = tokens->table;
}

#define EACH(byte) (0x0101010101010101u * (byte)) // eight bytes of this value

// The top bits of the eight bytes of x, side by side.
static uint64_t top_bits(uint64_t x) {
    return (x & EACH(0x80)) * 0x0002040810204081u >> 56;
}

// Adding to the lower seven bits of a byte sets its top bit from a certain
// value on; so eight bytes are compared at once, without a branch.
static uint64_t classify_ascii(const uint8_t *bytes, char *folded) {
    uint64_t letters = 0;
    for (unsigned i = 0; i < TOKENS_WINDOW; i += 8) {
        uint64_t x;
        memcpy(&x, bytes + i, sizeof x);
        uint64_t lowered = (x | EACH(0x20)) & EACH(0x7f);
        uint64_t from_a = lowered + EACH(0x80 - 'a'), beyond_z = lowered + EACH(0x7f - 'z');
        uint64_t are_letters = from_a & ~beyond_z & ~x & EACH(0x80);
        x |= are_letters >> 2; // 0x20 makes a letter a small one
        memcpy(folded + i, &x, sizeof x);
        letters |= top_bits(le64toh(are_letters)) << i;
    }
    return letters;
}

static uint64_t classify_by_table(const uint8_t *bytes, char *folded, const uint8_t *table) {
    uint64_t letters = 0;
    for (unsigned i = 0; i < TOKENS_WINDOW; i++) {
        uint8_t letter = table[bytes[i]];
        folded[i] = (char)letter;
        letters |= (uint64_t)(letter != 0) << i;
    }
    return letters;
}

// Bytes beyond the text are read as zeros, which are never letters.
static void look(Tokens *tokens) {
    const uint8_t *bytes = (const uint8_t *)tokens->place.at;
    size_t left = (size_t)(tokens->end - tokens->place.at);
    uint8_t last[TOKENS_WINDOW];
    if (left < TOKENS_WINDOW) {
        memset(last, 0, sizeof last);
        bytes = memcpy(last, bytes, left);
    }
    tokens->place.letters = tokens->letter == tokens->table
                                ? classify_by_table(bytes, tokens->folded, tokens->table)
                                : classify_ascii(bytes, tokens->folded);
    if (tokens->window) tokens->window = tokens->fold ? tokens->folded : tokens->place.at;
}

static bool look_further(Tokens *tokens) {
    if (tokens->end - tokens->place.at <= TOKENS_WINDOW) return false;
    tokens->place.at += TOKENS_WINDOW;
    look(tokens);
    return true;
}

// Moves to the next word as it stands in the text.
static bool find_word(Tokens *tokens) {
    while (!tokens->place.letters)
        if (!look_further(tokens)) return false;
    TokensRun run = tokens_take_run(&tokens->place);
    tokens->token = tokens->place.at + run.start;
    tokens->size = run.end - run.start;
    while (!run.whole && look_further(tokens) && tokens->place.letters & 1) {
        run = tokens_take_run(&tokens->place);
        tokens->size += run.end;
    }
    return true;
}

// Appends the word to the scratch as its letters are to stand there.
static int append_word(Tokens *tokens) {
    if (buffer_reserve(&tokens->scratch, tokens->size) == -1) return -1;
    const uint8_t *letter = tokens->letter;
    const char *word = tokens->token;
    char *to = buffer_tail(&tokens->scratch);
    for (size_t i = 0; i < tokens->size; i++) to[i] = (char)letter[(uint8_t)word[i]];
    buffer_added(&tokens->scratch, tokens->size);
    return 0;
}

static int next_word(Tokens *tokens) {
    if (!find_word(tokens)) return 0;
    if (!tokens->fold) return 1;
    if (tokens->token >= tokens->place.at) {
        tokens->token = tokens->folded + (tokens->token - tokens->place.at);
        return 1;
    }
    // It began in a window before, of which only the text is left.
    buffer_clear(&tokens->scratch);
    if (append_word(tokens) == -1) return -1;
    tokens->token = buffer_bytes(&tokens->scratch);
    return 1;
}

static void begin_words(Tokens *tokens, bool fold, const char *extra, size_t extra_size) {
    choose_letters(tokens, fold, extra, extra_size);
    look(tokens);
}

void tokens_words(Tokens *tokens, const char *text, size_t size, bool fold, const char *extra,
                  size_t extra_size) {
    begin(tokens, next_word, text, size);
    tokens->window = text;
    begin_words(tokens, fold, extra, extra_size);
}

static int next_line(Tokens *tokens) {
    if (tokens->place.at == tokens->end) return 0;
    size_t left = (size_t)(tokens->end - tokens->place.at);
    const char *newline = memchr(tokens->place.at, '\n', left);
    tokens->token = tokens->place.at;
    tokens->size = newline ? (size_t)(newline - tokens->place.at) : left;
    tokens->place.at = newline ? newline + 1 : tokens->end;
    return 1;
}

void tokens_lines(Tokens *tokens, const char *text, size_t size) {
    begin(tokens, next_line, text, size);
}

// Joins the n words from here on; the next n-gram begins with the second of them.
static int next_ngram(Tokens *tokens) {
    TokensPlace second = tokens->place;
    buffer_clear(&tokens->scratch);
    for (size_t i = 0; i < tokens->n; i++) {
        if (!find_word(tokens)) return 0;
        if (i == 0)
            second = tokens->place;
        else if (buffer_append_byte(&tokens->scratch, ' ') == -1)
            return -1;
        if (append_word(tokens) == -1) return -1;
    }
    tokens->place = second;
    tokens->token = buffer_bytes(&tokens->scratch);
    tokens->size = buffer_size(&tokens->scratch);
    return 1;
}

void tokens_ngrams(Tokens *tokens, const char *text, size_t size, size_t n, bool fold,
                   const char *extra, size_t extra_size) {
    begin(tokens, next_ngram, text, size);
    begin_words(tokens, fold, extra, extra_size);
    tokens->n = n;
}

void tokens_free(Tokens *tokens) {
    buffer_free(&tokens->scratch);
}
