#include "core/shuffle/total.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { MOST_WORDS = 38, FEW_WORDS = 4, ONE = 1074 }; // ONE: the bit that stands for 1
enum { SEEN_NAN = 1, SEEN_INFINITY = 2, SEEN_MINUS_INFINITY = 4 };

typedef struct __attribute__((packed, aligned(4))) {
    uint8_t seen;  // what is no finite number
    uint8_t first; // the lowest word that is kept
    uint8_t count; // of words in use
    uint8_t room;  // for so many
    uint64_t words[];
} Total;

// A number as an integer and how far it is to be shifted.
typedef struct {
    uint64_t digits;
    unsigned shift;
    bool negative;
} Term;

static Total *at(const Arena *arena, Ref ref) {
    return arena_at(arena, ref);
}

static uint64_t sign_word(const Total *total) {
    return total->count && total->words[total->count - 1] >> 63 ? UINT64_MAX : 0;
}

// The topmost word must be nothing but sign, so that a carry has somewhere to go.
static bool has_headroom(const Total *total) {
    return total->count && total->words[total->count - 1] == sign_word(total);
}

static Ref take_room(Arena *arena, unsigned room) {
    Ref ref = arena_take(arena, sizeof(Total) + room * sizeof(uint64_t));
    if (ref) *at(arena, ref) = (Total){.room = (uint8_t)room};
    return ref;
}

// Moves the words so that they begin at `first` and end before `end`.
static void widen(Total *to, const Total *from, unsigned first, unsigned end) {
    uint64_t sign = sign_word(from), words[MOST_WORDS] = {0};
    unsigned below = from->count ? from->first - first : 0;
    for (unsigned i = below; i < end - first; i++)
        words[i] = i - below < from->count ? from->words[i - below] : sign;
    to->seen = from->seen;
    to->first = (uint8_t)first;
    to->count = (uint8_t)(end - first);
    memcpy(to->words, words, (end - first) * sizeof *words);
}

// Makes the total have the words from `first` to before `end`, and headroom.
static int reserve(Arena *arena, Ref *ref, unsigned first, unsigned end) {
    if (!*ref && !(*ref = take_room(arena, FEW_WORDS))) return -1;
    const Total *total = at(arena, *ref);
    unsigned its_end = total->first + total->count;
    if (total->count) {
        if (total->first < first) first = total->first;
        if (!has_headroom(total)) its_end++;
        if (its_end > end) end = its_end;
        if (first == total->first && end == total->first + total->count) return 0;
    }
    Ref moved = *ref;
    if (end - first > total->room) {
        moved = take_room(arena, end - first <= 2 * FEW_WORDS ? 2 * FEW_WORDS : MOST_WORDS);
        if (!moved) return -1;
    }
    widen(at(arena, moved), at(arena, *ref), first, end);
    *ref = moved;
    return 0;
}

static bool add_word(uint64_t *to, uint64_t word, bool carry) {
    unsigned __int128 sum = (unsigned __int128)*to + word + carry;
    *to = (uint64_t)sum;
    return sum >> 64;
}

static bool subtract_word(uint64_t *from, uint64_t word, bool borrow) {
    unsigned __int128 difference = (unsigned __int128)*from - word - borrow;
    *from = (uint64_t)difference;
    return difference >> 64;
}

// `words` are those from number `first` on, `count` of them.
static void add_term(uint64_t *words, unsigned first, unsigned count, Term term) {
    unsigned bit = term.shift % 64;
    uint64_t parts[2] = {term.digits << bit, bit ? term.digits >> (64 - bit) : 0};
    bool carry = false;
    for (unsigned i = term.shift / 64 - first, n = 0; i < count && (n < 2 || carry); i++, n++) {
        uint64_t word, part = n < 2 ? parts[n] : 0;
        memcpy(&word, &words[i], sizeof word);
        carry = (term.negative ? subtract_word : add_word)(&word, part, carry);
        memcpy(&words[i], &word, sizeof word);
    }
}

static int add(Arena *arena, Ref *ref, Term term) {
    unsigned lowest = term.shift / 64;
    if (reserve(arena, ref, lowest, lowest + 3) == -1) return -1;
    Total *total = at(arena, *ref);
    uint64_t words[MOST_WORDS];
    memcpy(words, total->words, total->count * sizeof *words);
    add_term(words, total->first, total->count, term);
    memcpy(total->words, words, total->count * sizeof *words);
    return 0;
}

static int note(Arena *arena, Ref *ref, int what) {
    if (!*ref && !(*ref = take_room(arena, FEW_WORDS))) return -1;
    at(arena, *ref)->seen |= (uint8_t)what;
    return 0;
}

int total_add(Arena *arena, Ref *total, double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    unsigned exponent = bits >> 52 & 0x7ff;
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    if (exponent == 0x7ff)
        return note(arena, total,
                    fraction     ? SEEN_NAN
                    : bits >> 63 ? SEEN_MINUS_INFINITY
                                 : SEEN_INFINITY);
    Term term = {fraction, 0, bits >> 63};
    if (exponent) term = (Term){fraction | UINT64_C(1) << 52, exponent - 1, bits >> 63};
    return add(arena, total, term);
}

static Term term_of(int64_t number) {
    return (Term){number < 0 ? -(uint64_t)number : (uint64_t)number, ONE, number < 0};
}

int total_add_integer(Arena *arena, Ref *total, int64_t number) {
    return add(arena, total, term_of(number));
}

/* ---- as bytes: what was seen, the first word's number, the words ---- */

int total_save(const Arena *arena, Ref ref, Buffer *to) {
    const Total *total = at(arena, ref);
    unsigned from = 0, end = total->count;
    while (from + 1 < end && !total->words[from]) from++;
    while (end > from + 1 && total->words[end - 1] == sign_word(total) &&
           total->words[end - 2] >> 63 == total->words[end - 1] >> 63)
        end--;
    if (buffer_append_byte(to, total->seen) == -1) return -1;
    if (buffer_append_byte(to, (uint8_t)(total->first + from)) == -1) return -1;
    return buffer_append(to, (const char *)total->words + from * sizeof(uint64_t),
                         (end - from) * sizeof(uint64_t));
}

static void add_words(Total *total, unsigned first, const char *bytes, unsigned count) {
    bool carry = false, negative = bytes[count * sizeof(uint64_t) - 1] & 0x80;
    for (unsigned i = first - total->first, n = 0; i < total->count; i++, n++) {
        uint64_t word, more = negative ? UINT64_MAX : 0;
        if (n < count) memcpy(&more, bytes + n * sizeof more, sizeof more);
        word = total->words[i];
        carry = add_word(&word, more, carry);
        total->words[i] = word;
    }
}

int total_absorb(Arena *arena, Ref *ref, const char *bytes, size_t size) {
    size_t count = size < 2 ? 0 : (size - 2) / sizeof(uint64_t);
    unsigned first = size < 2 ? MOST_WORDS : (uint8_t)bytes[1];
    if (first + count >= MOST_WORDS || size != 2 + count * sizeof(uint64_t)) {
        errno = EBADMSG;
        return -1;
    }
    if (note(arena, ref, (uint8_t)bytes[0]) == -1) return -1;
    if (!count) return 0;
    if (reserve(arena, ref, first, first + (unsigned)count + 1) == -1) return -1;
    add_words(at(arena, *ref), first, bytes + 2, (unsigned)count);
    return 0;
}

/* ---- as a double ---- */

static void negate(uint64_t *words) {
    bool carry = true;
    for (unsigned i = 0; i < MOST_WORDS; i++) {
        words[i] = ~words[i];
        carry = add_word(&words[i], 0, carry);
    }
}

static bool has_bit(const uint64_t *words, unsigned bit) {
    return words[bit / 64] >> bit % 64 & 1;
}

static bool has_bits_below(const uint64_t *words, unsigned bit) {
    for (unsigned i = 0; i < bit / 64; i++)
        if (words[i]) return true;
    return bit % 64 && words[bit / 64] << (64 - bit % 64);
}

static uint64_t bits_from(const uint64_t *words, unsigned bit) {
    unsigned i = bit / 64, shift = bit % 64;
    if (!shift || i + 1 == MOST_WORDS) return words[i] >> shift;
    return words[i] >> shift | words[i + 1] << (64 - shift);
}

// The lowest 53 bits of a double's worth, of a number that is not negative.
static double rounded(const uint64_t *words) {
    unsigned top = MOST_WORDS * 64 - 1;
    while (top > 0 && !has_bit(words, top)) top--;
    if (top < 53) return ldexp((double)words[0], -ONE);
    unsigned lowest = top - 52;
    uint64_t digits = bits_from(words, lowest);
    bool half = has_bit(words, lowest - 1), above = has_bits_below(words, lowest - 1);
    if (half && (above || digits & 1)) digits++;
    return ldexp((double)digits, (int)lowest - ONE);
}

// All words, whether they are kept or not.
static void spread(const Total *total, uint64_t *words) {
    memset(words, 0, MOST_WORDS * sizeof *words);
    memcpy(words + total->first, total->words, total->count * sizeof *words);
    uint64_t sign = sign_word(total);
    for (unsigned i = total->first + total->count; i < MOST_WORDS; i++) words[i] = sign;
}

double total_result(const Arena *arena, Ref ref, int64_t more) {
    uint64_t words[MOST_WORDS];
    const Total *total = at(arena, ref);
    int infinities = total->seen & (SEEN_INFINITY | SEEN_MINUS_INFINITY);
    if (total->seen & SEEN_NAN || infinities == (SEEN_INFINITY | SEEN_MINUS_INFINITY))
        return (double)NAN;
    if (infinities) return infinities == SEEN_INFINITY ? HUGE_VAL : -HUGE_VAL;
    spread(total, words);
    add_term(words, 0, MOST_WORDS, term_of(more));
    bool negative = words[MOST_WORDS - 1] >> 63;
    if (negative) negate(words);
    return negative ? -rounded(words) : rounded(words);
}
