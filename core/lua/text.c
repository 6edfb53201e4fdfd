#include "core/lua/text.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/lua/vocabulary.h"

#define PIECES_CLASS "parallel.pieces"

typedef struct {
    const char *text, *extra;
    size_t size, extra_size;
    bool fold;
} Words; // the arguments of words and ngrams

// What an iterator goes on from.
typedef struct {
    Vocabulary *vocabulary; // words come from there, other pieces are new to Lua: NULL
    Tokens tokens;          // last, as its end may be saved
} Pieces;

// Upvalues of an iterator: its Pieces, and the text that they point into. Of words too: the
// strings of the vocabulary.
enum { PIECES = 1, TEXT, STRINGS };

// The iterator that Lua calls.
static int next_piece(lua_State *L) {
    Pieces *pieces = lua_touserdata(L, lua_upvalueindex(PIECES));
    Tokens *tokens = &pieces->tokens;
    int got = tokens_next(tokens);
    if (got == -1) return luaL_error(L, "not enough memory");
    if (got == 0)
        lua_pushnil(L);
    else if (pieces->vocabulary)
        vocabulary_push_word(L, pieces->vocabulary, lua_upvalueindex(STRINGS), tokens->token,
                             tokens->size);
    else
        lua_pushlstring(L, tokens->token, tokens->size);
    return 1;
}

Tokens *text_tokens(lua_State *L, int index) {
    if (lua_tocfunction(L, index) != next_piece) return NULL;
    lua_getupvalue(L, index, PIECES);
    Pieces *pieces = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return &pieces->tokens;
}

void text_check_iterator(lua_State *L, int index) {
    if (lua_isfunction(L, index)) return;
    const char *type = luaL_typename(L, index);
    if (!luaL_getmetafield(L, index, "__call"))
        luaL_argerror(L, index, lua_pushfstring(L, "iterator expected, got %s", type));
    lua_pop(L, 1);
}

// Makes an iterator of the Pieces on top of the stack; the text is argument 1.
static int push_iterator(lua_State *L) {
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, next_piece, TEXT);
    return 1;
}

static int pieces_gc(lua_State *L) {
    Pieces *pieces = lua_touserdata(L, 1);
    tokens_free(&pieces->tokens);
    return 0;
}

// A map that splits line after line makes an iterator for each, so they are
// made as small as they can be: without the table of letters unless there are
// `extra` ones, and, when the text is short, without a finalizer. No word or
// n-gram is longer than its text, so a scratch of that size, lent by the
// userdata itself, never needs to grow.
enum { MOST_LENT = 512, WITHOUT_TABLE = offsetof(Pieces, tokens.table) };

typedef struct {
    size_t size; // of the Pieces alone
    size_t lent; // bytes of scratch after it
    bool finalized;
} Layout;

// `least` is the size from which on a text may need a scratch.
static Layout layout_for(const Words *words, size_t least) {
    Layout layout = {.size = words->extra_size ? sizeof(Pieces) : WITHOUT_TABLE};
    if (words->size >= least) {
        layout.finalized = words->size > MOST_LENT;
        layout.lent = layout.finalized ? 0 : words->size;
    }
    return layout;
}

static Pieces *push_pieces(lua_State *L, size_t size) {
    Pieces *pieces = lua_newuserdatauv(L, size, 0);
    pieces->vocabulary = NULL;
    return pieces;
}

// Called with the Tokens begun, and the Pieces on top of the stack.
static void provide_scratch(lua_State *L, const Layout *layout, Pieces *pieces) {
    if (layout->finalized) luaL_setmetatable(L, PIECES_CLASS);
    pieces->tokens.scratch.data = layout->lent ? (char *)pieces + layout->size : NULL;
    pieces->tokens.scratch.capacity = layout->lent;
}

// The text is argument 1; `lower` is the place of "lower", which `extra` follows.
static Words check_words(lua_State *L, int lower) {
    Words words;
    words.text = luaL_checklstring(L, 1, &words.size);
    words.fold = !lua_isnoneornil(L, lower);
    luaL_argcheck(L, !words.fold || strcmp(luaL_checkstring(L, lower), "lower") == 0, lower,
                  "\"lower\" or nil expected");
    words.extra = luaL_optlstring(L, lower + 1, "", &words.extra_size);
    luaL_argcheck(L, !memchr(words.extra, '\0', words.extra_size), lower + 1,
                  "a zero byte cannot be part of a word");
    return words;
}

// Upvalues of `words`, nil until the first call: a state that never counts words has none.
enum { OWN_VOCABULARY = 1, OWN_STRINGS };

static Vocabulary *own_vocabulary(lua_State *L) {
    Vocabulary *vocabulary = lua_touserdata(L, lua_upvalueindex(OWN_VOCABULARY));
    if (vocabulary) return vocabulary;
    vocabulary = vocabulary_push(L);
    lua_replace(L, lua_upvalueindex(OWN_STRINGS));
    lua_replace(L, lua_upvalueindex(OWN_VOCABULARY));
    return vocabulary;
}

static int text_words(lua_State *L) { // words(text, "lower", extra) -> iterator
    Words w = check_words(L, 2);
    Layout layout = layout_for(&w, w.fold ? TOKENS_WINDOW + 1 : SIZE_MAX);
    Pieces *pieces = push_pieces(L, layout.size + layout.lent);
    tokens_words(&pieces->tokens, w.text, w.size, w.fold, w.extra, w.extra_size);
    provide_scratch(L, &layout, pieces);
    pieces->vocabulary = own_vocabulary(L);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, lua_upvalueindex(OWN_STRINGS));
    lua_pushcclosure(L, next_piece, STRINGS);
    return 1;
}

static int text_ngrams(lua_State *L) { // ngrams(text, n, "lower", extra) -> iterator
    lua_Integer n = luaL_checkinteger(L, 2);
    luaL_argcheck(L, n >= 1, 2, "at least one word is needed");
    Words w = check_words(L, 3);
    Layout layout = layout_for(&w, 0);
    Pieces *pieces = push_pieces(L, layout.size + layout.lent);
    tokens_ngrams(&pieces->tokens, w.text, w.size, (size_t)n, w.fold, w.extra, w.extra_size);
    provide_scratch(L, &layout, pieces);
    return push_iterator(L);
}

static int text_lines(lua_State *L) { // lines(text) -> iterator
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    Pieces *pieces = push_pieces(L, WITHOUT_TABLE);
    tokens_lines(&pieces->tokens, text, size);
    return push_iterator(L);
}

static void push_separated(lua_State *L, const char *text, const char *end, const char *separator,
                           size_t size) {
    const char *found;
    int n = 0;
    while ((found = memmem(text, (size_t)(end - text), separator, size)) != NULL) {
        lua_pushlstring(L, text, (size_t)(found - text));
        lua_rawseti(L, -2, ++n);
        text = found + size;
    }
    lua_pushlstring(L, text, (size_t)(end - text));
    lua_rawseti(L, -2, ++n);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n';
}

static void push_unblank(lua_State *L, const char *text, const char *end) {
    for (int n = 1;; n++) {
        while (text < end && is_blank(*text)) text++;
        if (text == end) return;
        const char *start = text;
        while (text < end && !is_blank(*text)) text++;
        lua_pushlstring(L, start, (size_t)(text - start));
        lua_rawseti(L, -2, n);
    }
}

static int text_fields(lua_State *L) { // fields(line, separator) -> list
    size_t size, separator_size;
    const char *line = luaL_checklstring(L, 1, &size);
    const char *separator = luaL_optlstring(L, 2, NULL, &separator_size);
    luaL_argcheck(L, !separator || separator_size, 2, "the separator is empty");
    lua_createtable(L, 8, 0);
    if (separator)
        push_separated(L, line, line + size, separator, separator_size);
    else
        push_unblank(L, line, line + size);
    return 1;
}

static const luaL_Reg FUNCTIONS[] = {
    {"lines", text_lines},
    {"ngrams", text_ngrams},
    {"fields", text_fields},
    {NULL, NULL},
};

void text_register(lua_State *L) {
    luaL_newmetatable(L, PIECES_CLASS);
    lua_pushcfunction(L, pieces_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_setfuncs(L, FUNCTIONS, 0);
    lua_pushnil(L);
    lua_pushnil(L);
    lua_pushcclosure(L, text_words, OWN_STRINGS);
    lua_setfield(L, -2, "words");
}
