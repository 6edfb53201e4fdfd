#include "core/lua/path.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/lua/environment.h"

enum {
    STEPS_SHOWN = 20, // of a longer path the end is shown
    KEY_SHOWN = 40,   // of a longer key the beginning is shown
};

// The search spreads from the roots. Whatever it comes upon is a node, told by
// FIELDS entries of one Lua list: the value, the number of the node that holds
// it, its key there (or the upvalue's name), and the Step that leads to it.
enum { NODE_VALUE = 1, NODE_HOLDER, NODE_KEY, NODE_STEP, FIELDS = 4 };

typedef enum { TO_VALUE, TO_KEY, TO_UPVALUE } Step;

typedef struct {
    lua_State *L;
    int goal, nodes, seen; // stack indices
    int count;
} Search;

static void node_get(const Search *s, int node, int field) {
    lua_rawgeti(s->L, s->nodes, (lua_Integer)FIELDS * node + field);
}

static void node_set(const Search *s, int field) {
    lua_rawseti(s->L, s->nodes, (lua_Integer)FIELDS * s->count + field);
}

static bool is_new(const Search *s, int value) {
    lua_pushvalue(s->L, value);
    bool known = lua_rawget(s->L, s->seen) != LUA_TNIL;
    lua_pop(s->L, 1);
    if (known) return false;
    lua_pushvalue(s->L, value);
    lua_pushboolean(s->L, 1);
    lua_rawset(s->L, s->seen);
    return true;
}

static bool may_hold(lua_State *L, int value) {
    return lua_type(L, value) == LUA_TTABLE || lua_type(L, value) == LUA_TFUNCTION;
}

// Makes the value a node if it is the goal or may hold it; true when it is the goal.
static bool search_add(Search *s, int value, int holder, int key, Step step) {
    bool found = lua_rawequal(s->L, value, s->goal);
    if (!found && (!may_hold(s->L, value) || !is_new(s, value))) return false;
    s->count++;
    lua_pushvalue(s->L, value);
    node_set(s, NODE_VALUE);
    lua_pushinteger(s->L, holder);
    node_set(s, NODE_HOLDER);
    lua_pushvalue(s->L, key);
    node_set(s, NODE_KEY);
    lua_pushinteger(s->L, step);
    node_set(s, NODE_STEP);
    return found;
}

static bool search_table(Search *s, int table, int holder) {
    lua_State *L = s->L;
    bool found = false;
    lua_pushnil(L);
    while (!found && lua_next(L, table)) {
        found = search_add(s, table + 2, holder, table + 1, TO_VALUE) ||
                search_add(s, table + 1, holder, table + 1, TO_KEY);
        lua_pop(L, 1);
    }
    return found;
}

// The value is on top of the stack.
static bool search_upvalue(Search *s, int function, int holder, const char *name) {
    lua_pushstring(s->L, name);
    return search_add(s, function + 1, holder, function + 2, TO_UPVALUE);
}

static bool search_upvalues(Search *s, int function, int holder) {
    lua_State *L = s->L;
    const char *name;
    bool found = false;
    for (int i = 1; !found && (name = lua_getupvalue(L, function, i)); i++) {
        // The globals do not travel, so they are not why the function cannot.
        bool stays = environment_is_upvalue(name) &&
                     environment_kind(L, function + 1) == ENVIRONMENT_GLOBALS;
        if (!stays) found = search_upvalue(s, function, holder, name);
        lua_settop(L, function);
    }
    if (!found && environment_push_apart(L, function))
        found = search_upvalue(s, function, holder, "_ENV");
    lua_settop(L, function);
    return found;
}

static bool search_node(Search *s, int holder) {
    node_get(s, holder, NODE_VALUE);
    int value = lua_gettop(s->L);
    bool found = lua_type(s->L, value) == LUA_TTABLE ? search_table(s, value, holder)
                                                     : search_upvalues(s, value, holder);
    lua_settop(s->L, value - 1);
    return found;
}

// The goal is then the last node.
static bool search_roots(Search *s, int first, int count) {
    for (int i = 0; i < count; i++) {
        lua_pushinteger(s->L, i + 1);
        bool found = search_add(s, first + i, 0, lua_gettop(s->L), TO_VALUE);
        lua_pop(s->L, 1);
        if (found) return true;
    }
    for (int node = 1; node <= s->count; node++)
        if (search_node(s, node)) return true;
    return false;
}

// ---- the steps of a path as text

static bool is_name(const char *bytes, size_t size) {
    static const char *const KEYWORDS[] = {"and",   "break", "do",       "else", "elseif", "end",
                                           "false", "for",   "function", "goto", "if",     "in",
                                           "local", "nil",   "not",      "or",   "repeat", "return",
                                           "then",  "true",  "until",    "while"};
    if (size == 0 || size > KEY_SHOWN || isdigit((unsigned char)*bytes)) return false;
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)bytes[i]) && bytes[i] != '_') return false;
    for (size_t i = 0; i < sizeof KEYWORDS / sizeof *KEYWORDS; i++)
        if (strlen(KEYWORDS[i]) == size && !memcmp(KEYWORDS[i], bytes, size)) return false;
    return true;
}

static void add_escaped(luaL_Buffer *text, unsigned char byte) {
    char shown[sizeof "\\255"];
    if (byte < ' ' || byte == 0x7f)
        snprintf(shown, sizeof shown, "\\%03d", byte);
    else
        snprintf(shown, sizeof shown, "%s%c", byte == '"' || byte == '\\' ? "\\" : "", byte);
    luaL_addstring(text, shown);
}

static void push_quoted(lua_State *L, const char *bytes, size_t size) {
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    luaL_addstring(&text, "[\"");
    for (size_t i = 0; i < size && i < KEY_SHOWN; i++) add_escaped(&text, (unsigned char)bytes[i]);
    luaL_addstring(&text, size > KEY_SHOWN ? "...\"]" : "\"]");
    luaL_pushresult(&text);
}

static void push_string_key(lua_State *L, int key, bool leading) {
    size_t size;
    const char *bytes = lua_tolstring(L, key, &size);
    if (!is_name(bytes, size)) return push_quoted(L, bytes, size);
    lua_pushfstring(L, leading ? "%s" : ".%s", bytes);
}

static void push_key(lua_State *L, int key, bool leading) {
    switch (lua_type(L, key)) {
    case LUA_TSTRING: push_string_key(L, key, leading); break;
    case LUA_TBOOLEAN: lua_pushstring(L, lua_toboolean(L, key) ? "[true]" : "[false]"); break;
    case LUA_TNUMBER:
        lua_pushvalue(L, key); // tostring changes a number in place
        lua_pushfstring(L, "[%s]", lua_tostring(L, -1));
        lua_remove(L, -2);
        break;
    default: lua_pushfstring(L, "[%s]", luaL_typename(L, key));
    }
}

static int node_holder(const Search *s, int node) {
    node_get(s, node, NODE_HOLDER);
    int holder = (int)lua_tointeger(s->L, -1);
    lua_pop(s->L, 1);
    return holder;
}

static void push_step(const Search *s, int node, bool leading) {
    lua_State *L = s->L;
    node_get(s, node, NODE_STEP);
    node_get(s, node, NODE_KEY);
    switch (lua_tointeger(L, -2)) {
    case TO_VALUE: push_key(L, lua_gettop(L), leading); break;
    case TO_KEY: lua_pushliteral(L, "(key)"); break;
    case TO_UPVALUE: lua_pushfstring(L, "(upvalue %s)", lua_tostring(L, -1)); break;
    }
    lua_replace(L, -3);
    lua_pop(L, 1);
}

// Pushes the way to the last node. A root is a step only when there are several.
static bool push_way(const Search *s, bool several) {
    int way[STEPS_SHOWN], steps = 0, node = s->count;
    for (; node && steps < STEPS_SHOWN; node = node_holder(s, node))
        if (several || node_holder(s, node)) way[steps++] = node;
    if (steps == 0) return false;
    bool whole = node == 0 || (!several && node_holder(s, node) == 0);
    lua_pushstring(s->L, whole ? "" : "...");
    for (int i = steps; i-- > 0;) push_step(s, way[i], i == steps - 1);
    lua_concat(s->L, steps + 1);
    return true;
}

bool path_push(lua_State *L, int first, int count, int goal) {
    luaL_checkstack(L, STEPS_SHOWN + LUA_MINSTACK, NULL);
    int top = lua_gettop(L);
    lua_newtable(L);
    lua_newtable(L);
    Search search = {.L = L, .goal = goal, .nodes = top + 1, .seen = top + 2};
    bool found = search_roots(&search, first, count) && push_way(&search, count > 1);
    if (found) lua_replace(L, top + 1);
    lua_settop(L, top + found);
    return found;
}
