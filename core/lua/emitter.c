#include "core/lua/emitter.h"

#include <errno.h>

#include "core/lua/core.h"
#include "core/lua/depot.h"
#include "core/lua/text.h"
#include "core/lua/value.h"
#include "core/lua/vocabulary.h"
#include "core/os/fault.h"
#include "core/shuffle/ordered.h"
#include "core/shuffle/run.h"

typedef enum { ADDS_OTHER, ADDS_SUM, ADDS_COUNT, ADDS_MEAN, ADDS_FOLD } Kind;

typedef struct {
    Table table;
    Store store;
    const Combiner *combiner;
    Kind kind;
    unsigned partitions;
    bool keeps_alone;       // a key without a value stays one
    Vocabulary *vocabulary; // knows where the words are that it handed out
    Buffer key, value, descriptor;
    Depot *depot;     // where runs go; NULL: there are none
    size_t most;      // bytes that the table may have before it is written as a run
    size_t unchecked; // bytes of values since its size was looked at
    Buffer spilled;   // runs that were not handed over yet, each a varint and a descriptor
    int failure;      // the errno of a run that could not be written, and was lost
} Emitter;

enum { MOST_PARTITIONS = 1 << 16, SOME = 64 };

// Of all its functions. COMBINE is the function that folds, or nil; DEPOT only has to live.
enum { SELF = 1, COMBINE, DEPOT };

static Emitter *self(lua_State *L) {
    return lua_touserdata(L, lua_upvalueindex(SELF));
}

static int out_of_memory(lua_State *L) {
    return luaL_error(L, "not enough memory");
}

/* The value to add, as it is cheapest: an integer where that is all there is
 * to it, else value bytes in the emitter. */
typedef struct {
    bool is_integer;
    lua_Integer integer;
} Added;

// `key` is 0 where there is none yet.
static int refuse_number(lua_State *L, Emitter *emitter, int key, int value) {
    const char *verb = emitter->kind == ADDS_SUM ? "sum" : "take the mean";
    const char *type = luaL_typename(L, value);
    if (!key) return luaL_error(L, "cannot %s: number expected, got %s", verb, type);
    buffer_clear(&emitter->key);
    key_encode(L, key, &emitter->key);
    const char *name = key_describe(L, buffer_bytes(&emitter->key), buffer_size(&emitter->key));
    return luaL_error(L, "cannot %s: number expected, got %s (key '%s')", verb, type, name);
}

static Added take_value(lua_State *L, Emitter *emitter, int key, int value) {
    int type = lua_type(L, value);
    Kind kind = emitter->kind;
    if (type == LUA_TNONE && emitter->keeps_alone) {
        buffer_clear(&emitter->value);
        if (buffer_append_byte(&emitter->value, VALUE_NONE) == -1) out_of_memory(L);
        return (Added){false, 0};
    }
    if (type == LUA_TNONE) {
        lua_pushinteger(L, 1); // the value comes last, so that this is its place
        type = LUA_TNUMBER;
    }
    if (type != LUA_TNIL && kind == ADDS_COUNT) return (Added){true, 1};
    if (type == LUA_TNUMBER && kind == ADDS_SUM && lua_isinteger(L, value))
        return (Added){true, lua_tointeger(L, value)};
    if (type != LUA_TNIL && type != LUA_TNUMBER && (kind == ADDS_SUM || kind == ADDS_MEAN))
        refuse_number(L, emitter, key, value);
    buffer_clear(&emitter->value);
    value_encode(L, value, &emitter->value);
    return (Added){false, 0};
}

static void add_bytes(lua_State *L, Emitter *emitter, void *state, bool is_new) {
    emitter->store.sequence++;
    if (emitter->combiner->add(&emitter->store, state, buffer_bytes(&emitter->value),
                               buffer_size(&emitter->value)) == 0)
        return;
    int why = errno;
    if (is_new) table_take_back(&emitter->table, state);
    errno = why;
    if (why == EDOM) luaL_error(L, "cannot emit value: NaN cannot be counted by hist");
    value_error(L, "cannot emit");
}

static inline void add_to(lua_State *L, Emitter *emitter, Added added, void *state, bool is_new) {
    if (!added.is_integer)
        add_bytes(L, emitter, state, is_new);
    else if (emitter->kind == ADDS_SUM)
        ((SumState *)state)->integers += (uint64_t)added.integer;
    else
        ((CountState *)state)->n += (uint64_t)added.integer;
}

/* ---- runs ---- */

// One value may be larger than all that the table may have.
static void give_memory_back(Emitter *emitter) {
    size_t capacity = emitter->table.arena.capacity + emitter->store.arena.capacity;
    if (capacity / 2 <= emitter->most) return;
    table_free(&emitter->table);
    store_free(&emitter->store);
}

static int write_run(Emitter *emitter) {
    Buffer *descriptor = &emitter->descriptor;
    vocabulary_count_for(emitter->vocabulary, emitter);
    buffer_clear(descriptor);
    if (run_commit(&emitter->table, &emitter->store, emitter->combiner, emitter->depot,
                   emitter->partitions, descriptor) == -1)
        return -1;
    give_memory_back(emitter);
    if (buffer_append_varint(&emitter->spilled, buffer_size(descriptor)) == -1) return -1;
    return buffer_append(&emitter->spilled, buffer_bytes(descriptor), buffer_size(descriptor));
}

static size_t memory_of(const Emitter *emitter) {
    return table_memory(&emitter->table) + store_memory(&emitter->store);
}

static __attribute__((noinline)) void keep_small(lua_State *L, Emitter *emitter) {
    emitter->unchecked = 0;
    if (memory_of(emitter) + table_growth(&emitter->table) <= emitter->most) return;
    FAULT("emitter.spill");
    if (write_run(emitter) == 0) return;
    emitter->failure = errno; // a map function that catches the error must not hide the loss
    depot_error(L, emitter->depot, "cannot write a run");
}

// After whatever may have made the table larger. Adding an integer to one that is there
// does not, and what a value adds is looked at when it has become some more.
static inline void grown(lua_State *L, Emitter *emitter, Added added, bool is_new) {
    if (added.is_integer && !is_new) return;
    if (!added.is_integer) emitter->unchecked += buffer_size(&emitter->value);
    if (is_new || emitter->unchecked > emitter->most / SOME) keep_small(L, emitter);
}

/* ---- adding ---- */

static inline void *find(lua_State *L, Emitter *emitter, uint8_t tag, const char *bytes,
                         size_t size) {
    void *state = table_find_or_add(&emitter->table, tag, bytes, size);
    if (!state) out_of_memory(L);
    return state;
}

// The state of a word that the vocabulary has just handed out, if it knows where that is.
static inline void *known_state(const Emitter *emitter, const Word *word) {
    return word && word->entry ? table_state(&emitter->table, word->entry) : NULL;
}

// Where a word is that the vocabulary handed out is remembered there; but not
// yet when it is added, as it may be taken back.
static void *find_string(lua_State *L, Emitter *emitter, int key) {
    Word *word = vocabulary_last(L, key, emitter->vocabulary, emitter);
    void *known = known_state(emitter, word);
    if (known) return known;
    size_t size;
    const char *bytes = lua_tolstring(L, key, &size);
    uint32_t before = emitter->table.count;
    void *state = find(L, emitter, ORDERED_STRING, bytes, size);
    if (word && emitter->table.count == before) word->entry = table_entry(&emitter->table, state);
    return state;
}

// The state of the key at this index of the stack.
static inline void *find_at(lua_State *L, Emitter *emitter, int key) {
    if (lua_type(L, key) == LUA_TSTRING) return find_string(L, emitter, key);
    buffer_clear(&emitter->key);
    key_encode(L, key, &emitter->key);
    const char *bytes = buffer_bytes(&emitter->key);
    return find(L, emitter, (uint8_t)*bytes, bytes + 1, buffer_size(&emitter->key) - 1);
}

static void add_at(lua_State *L, Emitter *emitter, Added added, int key) {
    uint32_t before = emitter->table.count;
    void *state = find_at(L, emitter, key);
    bool is_new = emitter->table.count > before;
    add_to(L, emitter, added, state, is_new);
    grown(L, emitter, added, is_new);
}

static void encode_value(lua_State *L, Emitter *emitter, int value) {
    buffer_clear(&emitter->value);
    value_encode(L, value, &emitter->value);
}

// Calls combine with what is in the state and with the value, of which a table
// goes as a copy, and encodes what comes back.
static void combine(lua_State *L, Emitter *emitter, const void *state, int value) {
    uint64_t sequence = emitter->store.sequence;
    lua_pushvalue(L, lua_upvalueindex(COMBINE));
    Buffer *bytes = &emitter->value, *folded = &emitter->key;
    buffer_clear(folded);
    if (emitter->combiner->result(&emitter->store, state, folded) == -1) out_of_memory(L);
    value_push(L, buffer_bytes(folded), buffer_size(folded));
    if (lua_istable(L, value))
        value_push(L, buffer_bytes(bytes), buffer_size(bytes));
    else
        lua_pushvalue(L, value);
    lua_call(L, 2, 1);
    if (emitter->store.sequence != sequence) luaL_error(L, "combine may not emit");
    encode_value(L, emitter, -1);
    lua_pop(L, 1);
}

// Folding at once costs as many calls as folding later, and keeps one value a
// key. The function may have moved the table, so the key is looked for again.
static void fold_at(lua_State *L, Emitter *emitter, int key, int value) {
    encode_value(L, emitter, value);
    uint32_t before = emitter->table.count;
    void *state = find_at(L, emitter, key);
    bool is_new = emitter->table.count > before;
    if (!is_new) {
        combine(L, emitter, state, value);
        state = find_at(L, emitter, key);
    }
    add_bytes(L, emitter, state, is_new);
    grown(L, emitter, (Added){false, 0}, is_new);
}

static void emit_at(lua_State *L, Emitter *emitter, int key, int value) {
    if (emitter->kind != ADDS_FOLD) {
        add_at(L, emitter, take_value(L, emitter, key, value), key);
        return;
    }
    if (lua_type(L, value) == LUA_TNONE) lua_pushinteger(L, 1);
    fold_at(L, emitter, key, value);
}

// emit(key, value). Most calls are those of a map that counts words: they
// must cost as few calls of Lua's interface as can be.
static int emitter_call(lua_State *L) {
    Emitter *emitter = self(L);
    if (emitter->kind == ADDS_SUM && lua_isinteger(L, 3)) {
        Added added = {true, lua_tointeger(L, 3)};
        const Word *word = vocabulary_last(L, 2, emitter->vocabulary, emitter);
        void *known = known_state(emitter, word);
        if (known)
            add_to(L, emitter, added, known, false);
        else
            add_at(L, emitter, added, 2);
        return 0;
    }
    if (lua_type(L, 2) == LUA_TNONE) lua_settop(L, 2);
    emit_at(L, emitter, 2, 3);
    return 0;
}

static void add_token(lua_State *L, Emitter *emitter, Added added, const Tokens *tokens) {
    uint32_t before = emitter->table.count;
    void *state = find(L, emitter, ORDERED_STRING, tokens->token, tokens->size);
    bool is_new = emitter->table.count > before;
    add_to(L, emitter, added, state, is_new);
    grown(L, emitter, added, is_new);
}

static void add_tokens(lua_State *L, Emitter *emitter, Added added, Tokens *tokens) {
    int found;
    while ((found = tokens_next(tokens)) == 1) add_token(L, emitter, added, tokens);
    if (found == -1) out_of_memory(L);
}

// The iterator may itself emit, so the value is taken again for each key.
static void add_each(lua_State *L, Emitter *emitter) {
    int top = lua_gettop(L), key = top + 1, value = top == 3 ? 3 : key + 1;
    for (;; lua_settop(L, top)) {
        lua_pushvalue(L, 2);
        lua_call(L, 0, 1);
        if (lua_isnil(L, key)) return;
        emit_at(L, emitter, key, value);
    }
}

// emit:all(iterator, value)
static int emitter_all(lua_State *L) {
    Emitter *emitter = self(L);
    text_check_iterator(L, 2);
    if (lua_gettop(L) > 3) lua_settop(L, 3);
    Added added = take_value(L, emitter, 0, 3);
    Tokens *tokens = text_tokens(L, 2);
    if (tokens && emitter->kind != ADDS_FOLD)
        add_tokens(L, emitter, added, tokens);
    else
        add_each(L, emitter);
    return 0;
}

static int emitter_split(lua_State *L) {
    Emitter *emitter = self(L);
    emitter->store.split = luaL_checkinteger(L, 2);
    emitter->store.sequence = 0;
    return 0;
}

static int emitter_bytes(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)memory_of(self(L)));
    return 1;
}

static void push_runs(lua_State *L, const Buffer *spilled) {
    const char *at = buffer_bytes(spilled), *end = at + buffer_size(spilled);
    uint64_t size;
    lua_newtable(L);
    for (int i = 1; at < end && varint_read(&at, end, &size); i++, at += size) {
        lua_pushlstring(L, at, (size_t)size);
        lua_rawseti(L, -2, i);
    }
}

static int emitter_commit(lua_State *L) {
    Emitter *emitter = self(L);
    if (!emitter->depot) return luaL_error(L, "this emitter has nowhere to write runs");
    errno = emitter->failure;
    emitter->failure = 0;
    if (errno || (emitter->table.count && write_run(emitter) == -1)) {
        buffer_clear(&emitter->spilled);
        return depot_error(L, emitter->depot, "cannot write a run");
    }
    push_runs(L, &emitter->spilled);
    buffer_clear(&emitter->spilled);
    return 1;
}

static void free_memory(Emitter *emitter) {
    if (emitter->vocabulary->counter == emitter) vocabulary_count_for(emitter->vocabulary, NULL);
    table_free(&emitter->table);
    store_free(&emitter->store);
    buffer_free(&emitter->key);
    buffer_free(&emitter->value);
    buffer_free(&emitter->descriptor);
    buffer_free(&emitter->spilled);
}

static int emitter_free(lua_State *L) {
    free_memory(self(L));
    return 0;
}

static const luaL_Reg METHODS[] = {
    {"__call", emitter_call}, {"__gc", emitter_free},
    {"all", emitter_all},     {"split", emitter_split},
    {"bytes", emitter_bytes}, {"commit", emitter_commit},
    {"free", emitter_free},   {NULL, NULL},
};

static int unknown_combiner(lua_State *L, const char *name) {
    lua_pushliteral(L, "");
    for (const Combiner *const *combiner = COMBINERS; *combiner; combiner++) {
        lua_pushstring(L, combiner == COMBINERS ? "" : ", ");
        lua_pushstring(L, (*combiner)->name);
        lua_concat(L, 3);
    }
    return luaL_error(L, "no way to combine is called '%s' (%s)", name, lua_tostring(L, -1));
}

const Combiner *combiner_check(lua_State *L, const char *name, Store *store) {
    const Combiner *combiner = combiner_find(name, store);
    if (!combiner) unknown_combiner(L, name);
    return combiner;
}

static Kind kind_of(const char *name) {
    if (strcmp(name, "sum") == 0) return ADDS_SUM;
    if (strcmp(name, "count") == 0) return ADDS_COUNT;
    if (strcmp(name, "fold") == 0) return ADDS_FOLD;
    return strcmp(name, "mean") == 0 ? ADDS_MEAN : ADDS_OTHER;
}

// Leaves what the functions need besides the emitter on the stack.
static void take_depot(lua_State *L, Emitter *emitter) {
    lua_getfield(L, 1, "memory");
    emitter->most = lua_isnil(L, -1) ? SIZE_MAX : (size_t)luaL_checkinteger(L, -1);
    lua_pop(L, 1);
    lua_getfield(L, 1, "depot");
    if (lua_isnil(L, -1))
        emitter->most = SIZE_MAX;
    else
        emitter->depot = depot_check(L, -1);
}

// core.emitter{combine = name, partitions = n, depot = depot, memory = bytes}
static int core_emitter(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_getfield(L, 1, "combine");
    lua_getfield(L, 1, "partitions");
    Store store = {0};
    bool folds = lua_isfunction(L, 2);
    const Combiner *combiner =
        combiner_check(L, folds ? "fold" : luaL_optstring(L, 2, "values"), &store);
    lua_Integer partitions = luaL_optinteger(L, 3, 1);
    luaL_argcheck(L, partitions >= 1 && partitions <= MOST_PARTITIONS, 1,
                  "partitions must be from 1 to 65536");
    Vocabulary *vocabulary = vocabulary_push(L);
    lua_pop(L, 2); // it stays
    Emitter *emitter = lua_newuserdatauv(L, sizeof *emitter, 0);
    *emitter = (Emitter){.store = store,
                         .combiner = combiner,
                         .kind = kind_of(combiner->name),
                         .vocabulary = vocabulary};
    vocabulary_count_for(vocabulary, emitter);
    emitter->table.state_size = combiner->state_size;
    emitter->partitions = (unsigned)partitions;
    lua_getfield(L, 1, "keeps_alone");
    emitter->keeps_alone = lua_toboolean(L, -1);
    lua_pop(L, 1);
    lua_pushvalue(L, 2);
    take_depot(L, emitter);
    core_own_class(L, "emitter", METHODS, 2);
    return 1;
}

void emitter_register(lua_State *L) {
    lua_pushcfunction(L, core_emitter);
    lua_setfield(L, -2, "emitter");
}
