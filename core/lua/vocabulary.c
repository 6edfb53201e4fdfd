#include "core/lua/vocabulary.h"

static const char VOCABULARY, STRINGS; // their addresses are the keys in the registry

static Vocabulary *make(lua_State *L) {
    Vocabulary *vocabulary = lua_newuserdatauv(L, sizeof *vocabulary, 0);
    memset(vocabulary, 0, sizeof *vocabulary);
    lua_createtable(L, VOCABULARY_SIZE, 0);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &STRINGS);
    lua_pushvalue(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &VOCABULARY);
    return vocabulary;
}

Vocabulary *vocabulary_push(lua_State *L) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &VOCABULARY) == LUA_TNIL) {
        lua_pop(L, 1);
        return make(L);
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &STRINGS);
    return lua_touserdata(L, -2);
}

// What a word is and the string kept for it change together, with nothing between that
// could raise or run a finalizer.
static void learn(lua_State *L, Vocabulary *vocabulary, int strings, uint32_t place, Gist gist,
                  size_t size) {
    lua_pushvalue(L, -1);
    lua_rawseti(L, strings, place + 1);
    vocabulary->words[place] = (Word){gist, lua_topointer(L, -1), (uint32_t)size, 0};
}

void vocabulary_push_word(lua_State *L, Vocabulary *vocabulary, int strings, const char *bytes,
                          size_t size) {
    if (size > LONGEST_GIST) {
        lua_pushlstring(L, bytes, size);
        return;
    }
    Gist gist = gist_of(bytes, size);
    uint32_t place = gist_hash(gist, size) % VOCABULARY_SIZE;
    Word *word = &vocabulary->words[place];
    if (word->size == size && gist_equals(word->gist, gist)) {
        lua_rawgeti(L, strings, place + 1);
    } else {
        lua_pushlstring(L, bytes, size);
        learn(L, vocabulary, strings, place, gist, size);
    }
    vocabulary->last = word;
}

void vocabulary_count_for(Vocabulary *vocabulary, const void *counter) {
    vocabulary->counter = counter;
    for (int i = 0; i < VOCABULARY_SIZE; i++) vocabulary->words[i].entry = 0;
}
