#include "core/lua/tables.h"

#include "core/lua/value.h"
#include "core/shuffle/ordered.h"
#include "core/shuffle/sort.h"

enum { DEEPEST = 150 };

typedef struct {
    const Notation *notation;
    Buffer *to;
} Text;

static void append_value(lua_State *L, Text text, int depth);

static const char *kind_of(Text text) {
    return text.notation == &NOTATION_JSON ? "JSON" : "a Lua table";
}

static void check(lua_State *L, int result) {
    if (result == -1) value_error(L, "cannot write results");
}

static void append(lua_State *L, Text text, const char *literal) {
    check(L, notation_text(text.to, literal));
}

// How many keys the table on top has; *is_list when they are 1 to that number.
static size_t count_keys(lua_State *L, bool *is_list) {
    size_t count = 0;
    lua_pushnil(L);
    for (; lua_next(L, -2); lua_pop(L, 1)) count++;
    *is_list = count > 0 && lua_rawlen(L, -1) == count;
    return count;
}

static void append_array(lua_State *L, Text text, size_t count, int depth) {
    append(L, text, text.notation->open);
    for (size_t i = 1; i <= count; i++) {
        if (i > 1) append(L, text, text.notation->comma);
        lua_rawgeti(L, -1, (lua_Integer)i);
        append_value(L, text, depth);
        lua_pop(L, 1);
    }
    append(L, text, text.notation->close);
}

// Replaces the copy of a key on top by the string that names it.
static const char *name_key(lua_State *L, Text text, size_t *size) {
    if (lua_isboolean(L, -1)) {
        lua_pushstring(L, lua_toboolean(L, -1) ? "true" : "false");
        lua_remove(L, -2);
    }
    if (!lua_isstring(L, -1))
        luaL_error(L, "cannot write %s: a table has a %s as a key", kind_of(text),
                   luaL_typename(L, -1));
    return lua_tolstring(L, -1, size);
}

// Pushes a list of the keys and one of their names; the items tell the names in the same order.
static void list_names(lua_State *L, Text text, SortItem *items, int table) {
    lua_newtable(L);
    lua_newtable(L);
    int names = lua_gettop(L), keys = names - 1, count = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_rawseti(L, keys, ++count);
        lua_pushvalue(L, -1);
        size_t size;
        const char *name = name_key(L, text, &size);
        items[count - 1] =
            (SortItem){ordered_prefix(name, size), name, (uint32_t)size, (uint32_t)count};
        lua_rawseti(L, names, count);
    }
}

// The key that stands under this number in the list of keys, as a name in a map.
static void append_name(lua_State *L, Text text, const SortItem *item, int keys) {
    append(L, text, text.notation->before_name);
    if (text.notation->named_by_strings) {
        check(L, text.notation->string(text.to, item->key, item->size));
    } else {
        lua_rawgeti(L, keys, item->tag);
        append_value(L, text, 0);
        lua_pop(L, 1);
    }
    append(L, text, text.notation->after_name);
}

static void append_object(lua_State *L, Text text, size_t count, int depth) {
    int table = lua_gettop(L), keys = table + 2;
    SortItem *items = lua_newuserdatauv(L, (count + 1) * sizeof *items, 0);
    list_names(L, text, items, table);
    sort_items(items, count);
    append(L, text, text.notation->open_map);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) append(L, text, text.notation->comma);
        append_name(L, text, &items[i], keys);
        lua_rawgeti(L, keys, items[i].tag);
        lua_rawget(L, table);
        append_value(L, text, depth);
        lua_pop(L, 1);
    }
    append(L, text, text.notation->close_map);
    lua_settop(L, table);
}

static void append_table(lua_State *L, Text text, int depth) {
    if (depth > DEEPEST)
        luaL_error(L, "cannot write %s: a table is nested too deep, or holds itself",
                   kind_of(text));
    luaL_checkstack(L, 12, "tables are nested too deep");
    bool is_list;
    size_t count = count_keys(L, &is_list);
    if (is_list)
        append_array(L, text, count, depth);
    else
        append_object(L, text, count, depth);
}

static void append_number(lua_State *L, Text text) {
    if (lua_isinteger(L, -1))
        check(L, text.notation->integer(text.to, lua_tointeger(L, -1)));
    else
        check(L, text.notation->number(text.to, lua_tonumber(L, -1)));
}

// The value on top of the stack, which stays there.
static void append_value(lua_State *L, Text text, int depth) {
    size_t size;
    const char *bytes;
    switch (lua_type(L, -1)) {
    case LUA_TBOOLEAN: append(L, text, lua_toboolean(L, -1) ? "true" : "false"); break;
    case LUA_TNUMBER: append_number(L, text); break;
    case LUA_TSTRING:
        bytes = lua_tolstring(L, -1, &size);
        check(L, text.notation->string(text.to, bytes, size));
        break;
    case LUA_TTABLE: append_table(L, text, depth + 1); break;
    default:
        luaL_error(L, "cannot write %s: a %s has no form in it", kind_of(text),
                   luaL_typename(L, -1));
    }
}

int tables_opaque(void *context, const Notation *notation, const char *value, size_t size,
                  Buffer *to) {
    lua_State *L = context;
    value_push(L, value, size);
    append_value(L, (Text){notation, to}, 0);
    lua_pop(L, 1);
    return 0;
}
