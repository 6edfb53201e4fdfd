#include "core/lua/reduce.h"

#include <errno.h>

#include "core/lua/depot.h"
#include "core/lua/emitter.h"
#include "core/lua/format.h"
#include "core/lua/guard.h"
#include "core/lua/order.h"
#include "core/lua/self.h"
#include "core/lua/tables.h"
#include "core/lua/value.h"
#include "core/shuffle/dictionary.h"
#include "core/shuffle/narrow.h"
#include "core/shuffle/ordered.h"
#include "core/shuffle/output.h"
#include "core/shuffle/render.h"
#include "core/shuffle/spelling.h"

typedef struct {
    Buffer runs;    // of Run, those that have something in this partition
    Buffer sources; // of Source, what they have there
    Depot *depot;
    size_t memory;
    uint64_t records; // in all of these
    Merge merge;
    Dictionary dictionary;
    Store store;
    Output output;
    const Combiner *combiner;
    Render *render; // NULL: the output holds values
    Self *worker;   // NULL: nobody looks at what is running
    Buffer key, value, text;
    const char *at, *end; // what is left of the sequence that is being iterated
    bool spreads;         // every value of a key is a result of its own
    uint64_t group;       // counts the keys, so that an iterator kept from an earlier one is told
    char state[COMBINER_LARGEST_STATE] __attribute__((aligned(8)));
} Reduce;

// Where core_reduce keeps things on its stack.
enum { OPTIONS = 1, REDUCE, COMBINE_FUNCTION, REDUCE_FUNCTION, EMIT };

static const char REDUCE_TYPE[] = "parallel.reduce";

static void close_reduce(Reduce *reduce) {
    buffer_free(&reduce->runs);
    buffer_free(&reduce->sources);
    merge_close(&reduce->merge);
    dictionary_free(&reduce->dictionary);
    store_free(&reduce->store);
    output_close(&reduce->output);
    buffer_free(&reduce->key);
    buffer_free(&reduce->value);
    buffer_free(&reduce->text);
    *reduce = (Reduce){0};
}

static int reduce_gc(lua_State *L) {
    close_reduce(lua_touserdata(L, 1));
    return 0;
}

static void check_read(lua_State *L, int result) {
    if (result == -1) value_error(L, "cannot read a run");
}

static void check_write(lua_State *L, const Reduce *reduce, int result) {
    if (result == -1) depot_error(L, reduce->depot, "cannot write results");
}

/* ---- results ---- */

static int refuse_order(lua_State *L, const char *key, size_t size) {
    return luaL_error(L, "cannot sort by value: key '%s' has a table", key_describe(L, key, size));
}

// The value bytes are in reduce->value.
static void put(lua_State *L, Reduce *reduce, const Buffer *key) {
    const char *bytes = buffer_bytes(key), *value = buffer_bytes(&reduce->value);
    size_t size = buffer_size(key), value_size = buffer_size(&reduce->value);
    int wanted = output_offer(&reduce->output, bytes, size, value, value_size);
    if (wanted == -1 && errno == EINVAL) refuse_order(L, bytes, size);
    check_write(L, reduce, wanted);
    if (!wanted) return;
    if (reduce->render) {
        Renderer renderer = {tables_opaque, L};
        Pair pair = {bytes, value, size, value_size};
        buffer_clear(&reduce->text);
        check_write(L, reduce, reduce->render(&renderer, &pair, &reduce->text));
        value = buffer_bytes(&reduce->text);
        value_size = buffer_size(&reduce->text);
    }
    check_write(L, reduce, output_put(&reduce->output, value, value_size));
}

static Reduce *check_running(lua_State *L) {
    Reduce *reduce = lua_touserdata(L, lua_upvalueindex(1));
    if (!reduce->combiner) luaL_error(L, "attempt to use a closed reduce");
    return reduce;
}

// The third argument of the reduce function: emit(key, value).
static int reduce_emit(lua_State *L) {
    Reduce *reduce = check_running(L);
    if (lua_gettop(L) < 2) {
        lua_settop(L, 1);
        lua_pushinteger(L, 1);
    }
    buffer_clear(&reduce->key);
    key_encode(L, 1, &reduce->key);
    buffer_clear(&reduce->value);
    value_encode(L, 2, &reduce->value);
    put(L, reduce, &reduce->key);
    return 0;
}

/* ---- the values of a key ---- */

// The next value of the group: 1, 0 or -1.
static int next_value(Reduce *reduce, const char **value, size_t *size) {
    for (;;) {
        int found = sequence_next(&reduce->at, reduce->end, value, size);
        if (found) return found;
        found = merge_body(&reduce->merge);
        if (found != 1) return found;
        reduce->at = reduce->merge.body;
        reduce->end = reduce->at + reduce->merge.body_size;
    }
}

static bool push_value(lua_State *L, Reduce *reduce) {
    const char *value;
    size_t size;
    int found = next_value(reduce, &value, &size);
    check_read(L, found);
    if (found) value_push(L, value, size);
    return found;
}

// The iterator that a reduce function is given when nothing was combined.
static int reduce_iterate(lua_State *L) {
    Reduce *reduce = check_running(L);
    if (reduce->group != (uint64_t)lua_tonumber(L, lua_upvalueindex(2)))
        return luaL_error(L, "the values of a key are gone when its reduce has returned");
    return push_value(L, reduce);
}

static void push_iterator(lua_State *L, Reduce *reduce) {
    lua_pushvalue(L, REDUCE);
    lua_pushnumber(L, (lua_Number)reduce->group);
    lua_pushcclosure(L, reduce_iterate, 2);
}

static void push_folded(lua_State *L, Reduce *reduce) {
    if (!push_value(L, reduce)) luaL_error(L, "cannot read a run: a key without values");
    for (;;) {
        lua_pushvalue(L, COMBINE_FUNCTION);
        lua_insert(L, -2);
        if (!push_value(L, reduce)) break;
        lua_call(L, 2, 1);
    }
    lua_remove(L, -2);
}

// The combined value of the key at hand, in reduce->value.
static int combine_bodies(Reduce *reduce) {
    const Combiner *combiner = reduce->combiner;
    int found;
    memset(reduce->state, 0, combiner->state_size);
    store_clear(&reduce->store);
    while ((found = merge_body(&reduce->merge)) == 1) {
        if (combiner->needs_dictionary)
            reduce->store.source = reduce->dictionary.maps[reduce->merge.source];
        if (combiner->absorb(&reduce->store, reduce->state, reduce->merge.body,
                             reduce->merge.body_size) == -1)
            return -1;
    }
    if (found == -1) return -1;
    buffer_clear(&reduce->value);
    return combiner->result(&reduce->store, reduce->state, &reduce->value);
}

static void push_combined(lua_State *L, Reduce *reduce) {
    check_read(L, combine_bodies(reduce));
    value_push(L, buffer_bytes(&reduce->value), buffer_size(&reduce->value));
}

/* ---- the loop over keys ---- */

// What is on top of the stack becomes the result of the key at hand; nil is none.
static void put_top(lua_State *L, Reduce *reduce) {
    if (!lua_isnil(L, -1)) {
        buffer_clear(&reduce->value);
        value_encode(L, -1, &reduce->value);
        put(L, reduce, &reduce->merge.key);
    }
    lua_pop(L, 1);
}

static void call_reduce(lua_State *L, Reduce *reduce, bool folds, bool iterates) {
    lua_pushvalue(L, REDUCE_FUNCTION);
    value_push(L, buffer_bytes(&reduce->merge.key), buffer_size(&reduce->merge.key));
    if (folds)
        push_folded(L, reduce);
    else if (iterates)
        push_iterator(L, reduce);
    else
        push_combined(L, reduce);
    lua_pushvalue(L, EMIT);
    lua_call(L, 3, 1);
    put_top(L, reduce);
}

static void spread_values(lua_State *L, Reduce *reduce) {
    const char *value;
    size_t size;
    int found;
    while ((found = next_value(reduce, &value, &size)) == 1) {
        buffer_clear(&reduce->value);
        check_write(L, reduce, buffer_append(&reduce->value, value, size));
        put(L, reduce, &reduce->merge.key);
    }
    check_read(L, found);
}

static void call_functions(lua_State *L, Reduce *reduce, bool folds, bool calls) {
    bool iterates = strcmp(reduce->combiner->name, "values") == 0;
    if (calls) {
        call_reduce(L, reduce, folds, iterates);
    } else {
        push_folded(L, reduce);
        put_top(L, reduce);
    }
}

// Only what is the user's is an item, which has a limit.
static void run_as_item(lua_State *L, Reduce *reduce, bool folds, bool calls) {
    Self *worker = reduce->worker;
    if (worker) {
        guard_begin_item(worker, reduce->group);
        guard_check(L, worker);
    }
    call_functions(L, reduce, folds, calls);
    if (worker) guard_end_item(worker);
}

static void reduce_key(lua_State *L, Reduce *reduce) {
    bool folds = lua_isfunction(L, COMBINE_FUNCTION), calls = !lua_isnil(L, REDUCE_FUNCTION);
    if (reduce->spreads) {
        spread_values(L, reduce);
    } else if (calls || folds) {
        run_as_item(L, reduce, folds, calls);
    } else {
        check_read(L, combine_bodies(reduce));
        put(L, reduce, &reduce->merge.key);
    }
}

// A reduce function may yet emit a key that belongs to the top.
static void reduce_keys(lua_State *L, Reduce *reduce) {
    bool calls = !lua_isnil(L, REDUCE_FUNCTION);
    int found = 0;
    while ((calls || !output_full(&reduce->output)) && (found = merge_key(&reduce->merge)) == 1) {
        reduce->group++;
        reduce->at = reduce->end = NULL;
        reduce_key(L, reduce);
    }
    check_read(L, found);
}

/* ---- setting up ---- */

static lua_Integer integer_field(lua_State *L, const char *name) {
    lua_getfield(L, OPTIONS, name);
    if (!lua_isinteger(L, -1)) luaL_error(L, "%s must be an integer", name);
    lua_Integer integer = lua_tointeger(L, -1);
    lua_pop(L, 1);
    return integer;
}

static Self *worker_field(lua_State *L) {
    lua_getfield(L, OPTIONS, "worker");
    Self *worker = lua_isnil(L, -1) ? NULL : self_check(L, -1);
    lua_pop(L, 1);
    return worker;
}

static Render *render_field(lua_State *L) {
    lua_getfield(L, OPTIONS, "format");
    Render *render = lua_isnil(L, -1) ? NULL : format_check(L, -1);
    lua_pop(L, 1);
    return render;
}

static const Combiner *combiner_field(lua_State *L, Store *store) {
    lua_getfield(L, OPTIONS, "combine");
    bool is_name = !lua_isfunction(L, -1) && !lua_isnil(L, -1);
    const Combiner *combiner =
        combiner_check(L, is_name ? luaL_checkstring(L, -1) : "values", store);
    lua_pop(L, 1);
    return combiner;
}

static void add_run(lua_State *L, Reduce *reduce, unsigned partition) {
    size_t size;
    const char *descriptor = luaL_checklstring(L, -1, &size);
    Run run;
    check_read(L, run_open(&run, descriptor, size, partition));
    if (!run.partition.count) return;
    Source source = {run.fd, run.partition};
    reduce->records += run.partition.count;
    check_read(L, buffer_append(&reduce->runs, &run, sizeof run));
    check_read(L, buffer_append(&reduce->sources, &source, sizeof source));
}

static void list_runs(lua_State *L, Reduce *reduce) {
    unsigned partition = (unsigned)integer_field(L, "partition");
    lua_getfield(L, OPTIONS, "runs");
    luaL_checktype(L, -1, LUA_TTABLE);
    int count = (int)lua_rawlen(L, -1);
    for (int i = 1; i <= count; i++, lua_pop(L, 1)) {
        lua_rawgeti(L, -1, i);
        add_run(L, reduce, partition);
    }
    lua_pop(L, 1);
}

static void read_dictionaries(lua_State *L, Reduce *reduce) {
    const Run *runs = (const Run *)(const void *)buffer_bytes(&reduce->runs);
    size_t count = buffer_size(&reduce->runs) / sizeof *runs;
    check_read(
        L, dictionary_read(&reduce->dictionary, runs, count, reduce->memory / 2, &reduce->store));
}

// Where there is no memory for all dictionaries, or for merging all runs at once.
static void spell_runs(lua_State *L, Reduce *reduce) {
    const Run *runs = (const Run *)(const void *)buffer_bytes(&reduce->runs);
    size_t count = buffer_size(&reduce->runs) / sizeof *runs;
    Source *sources = (Source *)(void *)buffer_bytes(&reduce->sources);
    for (size_t i = 0; i < count; i++)
        if (spelling_write(&runs[i], reduce->combiner, reduce->memory / 2, reduce->depot,
                           &sources[i]) == -1)
            depot_error(L, reduce->depot, "cannot merge runs");
    reduce->combiner = reduce->combiner->spelled;
}

static void choose_spelling(lua_State *L, Reduce *reduce, size_t most) {
    const Run *runs = (const Run *)(const void *)buffer_bytes(&reduce->runs);
    size_t count = buffer_size(&reduce->runs) / sizeof *runs;
    if (count > most || spelling_is_needed(runs, count, reduce->memory / 2))
        spell_runs(L, reduce);
    else
        read_dictionaries(L, reduce);
}

static void start_merge(lua_State *L, Reduce *reduce) {
    size_t memory = reduce->memory / 2, most = merge_most(memory, reduce->depot->block);
    Buffer *sources = &reduce->sources;
    if (reduce->combiner->needs_dictionary) choose_spelling(L, reduce, most);
    if (narrow(sources, most, memory, reduce->depot) == -1)
        depot_error(L, reduce->depot, "cannot merge runs");
    check_read(L, merge_add_all(&reduce->merge, (const Source *)(const void *)buffer_bytes(sources),
                                buffer_size(sources) / sizeof(Source), memory));
    check_read(L, merge_start(&reduce->merge));
}

static size_t memory_field(lua_State *L) {
    lua_getfield(L, OPTIONS, "memory");
    size_t memory = lua_isnil(L, -1) ? SIZE_MAX : (size_t)integer_field(L, "memory");
    lua_pop(L, 1);
    return memory;
}

static void push_functions(lua_State *L) {
    lua_getfield(L, OPTIONS, "combine");
    if (!lua_isfunction(L, -1)) {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
    lua_getfield(L, OPTIONS, "reduce");
    lua_pushvalue(L, REDUCE);
    lua_pushcclosure(L, reduce_emit, 1);
}

static int push_output(lua_State *L, Reduce *reduce) {
    uint64_t top = reduce->output.order.top;
    buffer_clear(&reduce->value);
    check_write(L, reduce, output_finish(&reduce->output, &reduce->value));
    uint64_t count = output_count(&reduce->output);
    lua_pushlstring(L, buffer_bytes(&reduce->value), buffer_size(&reduce->value));
    lua_pushinteger(L, (lua_Integer)(top && count > top ? top : count));
    lua_pushinteger(L, (lua_Integer)reduce->records);
    close_reduce(reduce);
    return 3;
}

static int core_reduce(lua_State *L) {
    luaL_checktype(L, OPTIONS, LUA_TTABLE);
    lua_settop(L, OPTIONS);
    Reduce *reduce = lua_newuserdatauv(L, sizeof *reduce, 0);
    *reduce = (Reduce){0};
    luaL_setmetatable(L, REDUCE_TYPE);
    push_functions(L);
    reduce->combiner = combiner_field(L, &reduce->store);
    reduce->render = render_field(L);
    reduce->worker = worker_field(L);
    lua_getfield(L, OPTIONS, "spread");
    reduce->spreads = lua_toboolean(L, -1);
    lua_pop(L, 1);
    reduce->depot = depot_field(L, OPTIONS);
    reduce->memory = memory_field(L);
    list_runs(L, reduce);
    start_merge(L, reduce);
    check_write(
        L, reduce,
        output_open(&reduce->output, reduce->depot, reduce->memory, order_check(L, OPTIONS)));
    reduce->output.text = reduce->render != NULL;
    reduce_keys(L, reduce);
    return push_output(L, reduce);
}

void reduce_register(lua_State *L) {
    luaL_newmetatable(L, REDUCE_TYPE);
    lua_pushcfunction(L, reduce_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    lua_pushcfunction(L, core_reduce);
    lua_setfield(L, -2, "reduce");
}
