# parallel-lua: a script-driven parallel executor. C core, Lua on top.
#
#   make            build/bin/parallel-lua, and the module for stock Lua under build/lib/lua
#   make demo       count the words of a real text, with a progress bar
#   make test       build with fault points, then run the specs
#   make check      lint, specs, fuzzers, chaos, and the specs in odd circumstances and under sanitizers
#   make chaos      kill workers, and use pools, at random, and check what became of each task
#   make rows       run the specs of the table of faults (spec/faults/README.md) fifty times each
#   make coverage   tell which share of the core's lines and branches the specs run
#   make fuzz       feed damaged and odd bytes to all that reads bytes, for some minutes
#   make lint       luacheck the Lua, compile the C with gcc and clang and -Werror, clang-tidy, format
#   make bench      compare with other tools, as a table of medians and ratios
#   make install    into PREFIX (default /usr/local), below DESTDIR when given
#   make clean
#
# CC, CFLAGS and LDFLAGS are respected; LUA=luajit builds build/bin/parallel-luajit
# and its module beside those for Lua 5.4; SODIUM= and ZSTD= build without those libraries.

LUA      ?= lua5.4
PREFIX   ?= /usr/local
BUILD    ?= build
CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wvla -Wstrict-prototypes

ifeq ($(LUA),luajit)
LUA_VERSION := 5.1
LUA_ARCHIVE := libluajit-5.1.a
PROGRAM     := parallel-luajit
else
LUA_VERSION := 5.4
LUA_ARCHIVE := liblua5.4.a
PROGRAM     := parallel-lua
endif

LUA_CFLAGS  := $(shell pkg-config --cflags $(LUA) 2>/dev/null)
LUA_LIBRARY := $(shell pkg-config --variable=libdir $(LUA) 2>/dev/null)/$(LUA_ARCHIVE)
ARGPARSE    := $(shell $(LUA) -e 'print((package.searchpath("argparse", package.path)))' 2>/dev/null)

# Without libsodium there are no keys, and so no TCP and no functions between programs;
# spill files are packed where zstd is there. make SODIUM= ZSTD= builds without them.
SODIUM ?= $(shell pkg-config --exists libsodium 2>/dev/null && echo yes)
ZSTD   ?= $(shell pkg-config --exists libzstd 2>/dev/null && echo yes)
ifneq ($(SODIUM),)
CPPFLAGS  += -DPARALLEL_LUA_SODIUM $(shell pkg-config --cflags libsodium)
LIBRARIES += $(shell pkg-config --libs libsodium)
endif
ifneq ($(ZSTD),)
CPPFLAGS  += -DPARALLEL_LUA_ZSTD $(shell pkg-config --cflags libzstd)
LIBRARIES += $(shell pkg-config --libs libzstd)
endif

# TESTING=1 builds with fault points and the test-only module (see core/os/fault.h).
SOURCES := $(filter-out core/host/%,$(wildcard core/*/*.c))
ifeq ($(TESTING),)
SOURCES := $(filter-out core/lua/testing%.c,$(SOURCES))
else
CPPFLAGS += -DPARALLEL_LUA_TESTING
endif

OBJ      := $(BUILD)/obj/$(LUA)
OBJECTS  := $(SOURCES:%.c=$(OBJ)/%.o) $(OBJ)/modules.o
HOST     := $(patsubst %.c,$(OBJ)/%.o,$(wildcard core/host/*.c))
MODULES  := $(shell find lua -name '*.lua' | sort) $(filter-out nil,$(ARGPARSE))
DRIVER   := $(patsubst %,$(OBJ)/spec/fuzz/%.o,driver frames handshake)
BIN      := $(BUILD)/bin/$(PROGRAM)
MODULE   := $(BUILD)/lib/lua/$(LUA_VERSION)/parallel.so
COMPILE   = $(CC) -std=gnu11 -D_GNU_SOURCE -I. $(LUA_CFLAGS) $(CPPFLAGS) $(WARNINGS) $(CFLAGS) \
            -fPIC -fno-plt -fvisibility=hidden -MMD -MP -c

LINK_DRIVER = $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--wrap=luaL_loadbufferx \
              $(LUA_LIBRARY) $(LIBRARIES) -lm -ldl

# What is needed and not there, by the names of its Debian packages.
have     = $(shell command -v $(1) 2>/dev/null)
package  = $(shell pkg-config --exists $(1) 2>/dev/null && echo yes)
MISSING := $(if $(call have,$(firstword $(CC))),,$(firstword $(CC))) \
           $(if $(call have,pkg-config),,pkg-config) \
           $(if $(call have,$(LUA)),,$(LUA)) \
           $(if $(wildcard $(LUA_LIBRARY)),,lib$(LUA:luajit=luajit-5.1)-dev) \
           $(if $(filter-out nil,$(ARGPARSE)),,lua-argparse) \
           $(if $(call package,libxxhash),,libxxhash-dev)

.PHONY: all demo test check chaos rows coverage fuzz lint bench install clean dependencies FORCE

all: $(BIN) $(MODULE) $(if $(TESTING),$(BUILD)/bin/$(LUA)-replay)

# The interpreter is linked whole and its symbols exported, so that C modules load into it.
$(BIN): $(OBJECTS) $(HOST) $(OBJ)/files
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -Wl,-z,now -o $@ $(OBJECTS) $(HOST) \
	  -Wl,-E -Wl,--whole-archive $(LUA_LIBRARY) -Wl,--no-whole-archive $(LIBRARIES) -lm -ldl

# The module is never linked to a Lua library: it must use the one of the program that loads it.
$(MODULE): $(OBJECTS) $(OBJ)/files
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-z,nodelete -o $@ $(OBJECTS) $(LIBRARIES)

# Both run the targets of spec/fuzz, the latter under libFuzzer (see scripts/fuzz).
$(BUILD)/bin/$(LUA)-replay: $(OBJECTS) $(DRIVER) $(OBJ)/spec/fuzz/replay.o $(OBJ)/files
	@mkdir -p $(@D)
	$(LINK_DRIVER)

$(BUILD)/bin/fuzz: $(OBJECTS) $(DRIVER) $(OBJ)/spec/fuzz/fuzzer.o $(OBJ)/files
	@mkdir -p $(@D)
	$(LINK_DRIVER) -fsanitize=fuzzer

$(OBJ)/%.o: %.c $(OBJ)/flags | dependencies
	@mkdir -p $(@D)
	$(COMPILE) -o $@ $<

$(OBJ)/modules.o: $(OBJ)/modules.c $(OBJ)/flags
	$(COMPILE) -o $@ $<

$(OBJ)/modules.c: scripts/embed.lua scripts/lean.lua $(MODULES) $(OBJ)/files | dependencies
	$(LUA) scripts/embed.lua $(MODULES) > $@.new && mv $@.new $@

# Written anew only when they would differ, and then all that depends on them is:
# so objects of other flags are never mixed in, and a file that was removed is gone.
$(OBJ)/flags: TEXT = $(COMPILE)
$(OBJ)/files: TEXT = $(OBJECTS) $(HOST) $(MODULES)
$(OBJ)/flags $(OBJ)/files: FORCE
	@mkdir -p $(@D)
	@echo '$(TEXT)' | cmp -s - $@ || echo '$(TEXT)' > $@

dependencies:
	@$(if $(strip $(MISSING)),echo "$(strip $(MISSING)): missing - run scripts/setup" >&2; exit 1)

-include $(OBJECTS:.o=.d) $(HOST:.o=.d) $(wildcard $(OBJ)/spec/fuzz/*.d)

demo:
	LUA=$(LUA) scripts/demo

test:
	scripts/test $(LUA)

check:
	scripts/check

chaos:
	scripts/chaos

rows:
	scripts/rows $(LUA)

coverage:
	LUA=$(LUA) scripts/coverage

fuzz:
	scripts/fuzz

lint:
	scripts/lint

bench: all
	scripts/bench/run $(BIN)

$(BUILD)/$(PROGRAM).1: $(BIN) scripts/manual.lua
	$(BIN) scripts/manual.lua > $@.new && mv $@.new $@

install: all $(BUILD)/$(PROGRAM).1
	install -D -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/$(PROGRAM)
	install -D -m 644 $(BUILD)/$(PROGRAM).1 $(DESTDIR)$(PREFIX)/share/man/man1/$(PROGRAM).1
	install -D -m 755 $(MODULE) $(DESTDIR)$(PREFIX)/lib/lua/$(LUA_VERSION)/parallel.so

clean:
	rm -rf $(BUILD)
