#include "core/lua/printer.h"

#include <errno.h>

#include "core/lua/core.h"
#include "core/lua/format.h"
#include "core/lua/tables.h"
#include "core/lua/text.h"
#include "core/lua/value.h"
#include "core/shuffle/ordered.h"
#include "core/shuffle/record.h"

typedef struct {
    Writer writer;
    Render *render; // NULL: records
    bool plain;     // a string alone is its own text
    char separator; // behind the tag; 0: there is none
    Buffer tag, key, value, text;
} Printer;

enum { VALUE = 3 }; // the second argument of printer(key, value); the third of printer:all

static Printer *self(lua_State *L) {
    return lua_touserdata(L, lua_upvalueindex(1));
}

static void check(lua_State *L, int result) {
    if (result == -1) value_error(L, "cannot write results");
}

// What is left out is told from what is nil, which is a mistake.
static void take_value(lua_State *L, Printer *printer, int index) {
    buffer_clear(&printer->value);
    if (lua_isnone(L, index))
        check(L, buffer_append_byte(&printer->value, VALUE_NONE));
    else
        value_encode(L, index, &printer->value);
}

static void print_text(lua_State *L, Printer *printer, const Pair *pair) {
    Renderer renderer = {tables_opaque, L};
    buffer_clear(&printer->text);
    check(L,
          buffer_append(&printer->text, buffer_bytes(&printer->tag), buffer_size(&printer->tag)));
    check(L, printer->render(&renderer, pair, &printer->text));
    check(L,
          writer_copy(&printer->writer, buffer_bytes(&printer->text), buffer_size(&printer->text)));
}

// As an output writes a record without a rank.
static void print_record(lua_State *L, Printer *printer, const Pair *pair) {
    buffer_clear(&printer->text);
    check(L, buffer_append_varint(&printer->text, 0));
    check(L, buffer_append(&printer->text, pair->value, pair->value_size));
    check(L, writer_record(&printer->writer, pair->key, pair->key_size,
                           buffer_bytes(&printer->text), buffer_size(&printer->text)));
}

// The key's bytes are in printer->key, the value's in printer->value.
static void print(lua_State *L, Printer *printer) {
    Pair pair = {buffer_bytes(&printer->key), buffer_bytes(&printer->value),
                 buffer_size(&printer->key), buffer_size(&printer->value)};
    if (printer->render)
        print_text(L, printer, &pair);
    else
        print_record(L, printer, &pair);
}

static void print_at(lua_State *L, Printer *printer, int key) {
    buffer_clear(&printer->key);
    key_encode(L, key, &printer->key);
    print(L, printer);
}

// Filters emit line after line: a line alone takes no way round.
static void print_line(lua_State *L, Printer *printer) {
    size_t size;
    const char *line = lua_tolstring(L, 2, &size);
    check(L, writer_line(&printer->writer, line, size));
}

// emit(key, value)
static int printer_call(lua_State *L) {
    Printer *printer = self(L);
    if (lua_gettop(L) == 2 && printer->plain && lua_type(L, 2) == LUA_TSTRING) {
        print_line(L, printer);
        return 0;
    }
    luaL_checkany(L, 2);
    take_value(L, printer, VALUE);
    print_at(L, printer, 2);
    return 0;
}

static void print_tokens(lua_State *L, Printer *printer, Tokens *tokens) {
    int found;
    while ((found = tokens_next(tokens)) == 1) {
        buffer_clear(&printer->key);
        check(L, ordered_string(&printer->key, tokens->token, tokens->size));
        print(L, printer);
    }
    check(L, found);
}

// The iterator may itself emit, so the value is taken again for each key.
static void print_each(lua_State *L, Printer *printer) {
    int top = lua_gettop(L), key = top + 1, value = top == VALUE ? VALUE : key + 1;
    for (;; lua_settop(L, top)) {
        lua_pushvalue(L, 2);
        lua_call(L, 0, 1);
        if (lua_isnil(L, key)) return;
        take_value(L, printer, value);
        print_at(L, printer, key);
    }
}

// emit:all(iterator, value)
static int printer_all(lua_State *L) {
    Printer *printer = self(L);
    text_check_iterator(L, 2);
    if (lua_gettop(L) > VALUE) lua_settop(L, VALUE);
    take_value(L, printer, VALUE);
    Tokens *tokens = text_tokens(L, 2);
    if (tokens)
        print_tokens(L, printer, tokens);
    else
        print_each(L, printer);
    return 0;
}

static void set_tag(lua_State *L, Printer *printer, int index) {
    size_t size;
    const char *path = lua_tolstring(L, index, &size);
    buffer_clear(&printer->tag);
    if (!printer->separator || !path) return;
    bool is_csv = printer->separator == ',';
    check(L, is_csv ? render_csv_field(&printer->tag, path, size)
                    : buffer_append(&printer->tag, path, size));
    check(L, buffer_append_byte(&printer->tag, (uint8_t)printer->separator));
}

static int printer_begin(lua_State *L) {
    Printer *printer = self(L);
    check(L, writer_open(&printer->writer, (int)luaL_checkinteger(L, 2), 0));
    return 0;
}

static int printer_tag(lua_State *L) {
    set_tag(L, self(L), 2);
    return 0;
}

static int printer_finish(lua_State *L) {
    Printer *printer = self(L);
    check(L, writer_flush(&printer->writer));
    const Region *region = &printer->writer.region;
    lua_pushinteger(L, (lua_Integer)region->offset);
    lua_pushinteger(L, (lua_Integer)region->length);
    lua_pushinteger(L, (lua_Integer)region->count);
    return 3;
}

static int printer_gc(lua_State *L) {
    Printer *printer = self(L);
    writer_close(&printer->writer);
    buffer_free(&printer->tag);
    buffer_free(&printer->key);
    buffer_free(&printer->value);
    buffer_free(&printer->text);
    return 0;
}

static const luaL_Reg METHODS[] = {
    {"__call", printer_call},
    {"__gc", printer_gc},
    {"all", printer_all},
    {"begin", printer_begin},
    {"finish", printer_finish},
    {"tag", printer_tag},
    {NULL, NULL},
};

// core.printer{format = name, tag = true}
static int core_printer(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_getfield(L, 1, "format");
    lua_getfield(L, 1, "tag");
    Render *render = lua_isnil(L, 2) ? NULL : format_check(L, 2);
    const char *format = luaL_optstring(L, 2, "");
    bool is_lines = strcmp(format, "tsv") == 0 || strcmp(format, "raw") == 0;
    bool is_csv = strcmp(format, "csv") == 0, tags = lua_toboolean(L, 3);
    Printer *printer = lua_newuserdatauv(L, sizeof *printer, 0);
    *printer = (Printer){.writer = {.fd = -1}, .render = render, .plain = is_lines && !tags};
    if (tags && (is_lines || is_csv)) printer->separator = is_csv ? ',' : '\t';
    core_own_class(L, "printer", METHODS, 0);
    return 1;
}

void printer_register(lua_State *L) {
    lua_pushcfunction(L, core_printer);
    lua_setfield(L, -2, "printer");
}
