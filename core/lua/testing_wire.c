#include "core/lua/testing_wire.h"

#include <errno.h>

#include "core/lua/core.h"
#include "core/os/descriptor.h"
#include "core/wire/channel.h"

static const char BUFFER[] = "parallel.testing.buffer";
static const char CHANNEL[] = "parallel.testing.channel";

// What the calls of the core return, as it is; an error as nil and its text.
static int push_outcome(lua_State *L, int outcome) {
    if (outcome == -1) {
        lua_pushnil(L);
        lua_pushstring(L, strerror(errno));
        return 2;
    }
    lua_pushinteger(L, outcome);
    return 1;
}

// ---- varints --------------------------------------------------------------

static int testing_varint(lua_State *L) {
    char bytes[VARINT_MAX];
    char *end = varint_write(bytes, (uint64_t)luaL_checkinteger(L, 1));
    lua_pushlstring(L, bytes, (size_t)(end - bytes));
    return 1;
}

static int testing_unvarint(lua_State *L) {
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size), *at = bytes;
    uint64_t n;
    if (!varint_read(&at, bytes + size, &n)) return 0;
    lua_pushinteger(L, (lua_Integer)n);
    lua_pushinteger(L, at - bytes);
    return 2;
}

static int testing_zigzag(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)zigzag(luaL_checkinteger(L, 1)));
    return 1;
}

static int testing_unzigzag(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)unzigzag((uint64_t)luaL_checkinteger(L, 1)));
    return 1;
}

// ---- headers --------------------------------------------------------------

static int testing_header(lua_State *L) {
    FrameHeader header = {
        .kind = (uint8_t)luaL_checkinteger(L, 1),
        .attempt = (uint16_t)luaL_checkinteger(L, 2),
        .size = (uint64_t)luaL_checknumber(L, 3),
        .task = (uint64_t)luaL_checkinteger(L, 4),
    };
    frame_seal(&header);
    lua_pushlstring(L, (const char *)&header, sizeof header);
    return 1;
}

// ---- buffers --------------------------------------------------------------

static Buffer *check_buffer(lua_State *L) {
    return luaL_checkudata(L, 1, BUFFER);
}

static int testing_buffer(lua_State *L) {
    Buffer *buffer = lua_newuserdatauv(L, sizeof *buffer, 0);
    *buffer = (Buffer){0};
    luaL_setmetatable(L, BUFFER);
    return 1;
}

static int buffer_method_append(lua_State *L) {
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    return push_outcome(L, buffer_append(check_buffer(L), bytes, size));
}

static int buffer_method_reserve(lua_State *L) {
    return push_outcome(L, buffer_reserve(check_buffer(L), (size_t)luaL_checknumber(L, 2)));
}

static int buffer_method_consume(lua_State *L) {
    Buffer *buffer = check_buffer(L);
    lua_Integer count = luaL_checkinteger(L, 2);
    luaL_argcheck(L, count >= 0 && (size_t)count <= buffer_size(buffer), 2, "more than there is");
    buffer_consume(buffer, (size_t)count);
    return 0;
}

static int buffer_method_bytes(lua_State *L) {
    Buffer *buffer = check_buffer(L);
    if (!buffer->data)
        lua_pushliteral(L, "");
    else
        lua_pushlstring(L, buffer_bytes(buffer), buffer_size(buffer));
    return 1;
}

static int buffer_method_capacity(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)check_buffer(L)->capacity);
    return 1;
}

static int buffer_method_close(lua_State *L) {
    buffer_free(check_buffer(L));
    return 0;
}

// ---- channels -------------------------------------------------------------

static Channel *check_channel(lua_State *L) {
    return luaL_checkudata(L, 1, CHANNEL);
}

static Channel *new_channel(lua_State *L) {
    Channel *channel = lua_newuserdatauv(L, sizeof *channel, 0);
    *channel = CHANNEL_CLOSED;
    luaL_setmetatable(L, CHANNEL);
    return channel;
}

static int testing_channel_pair(lua_State *L) {
    Channel *a = new_channel(L), *b = new_channel(L);
    return channel_pair(a, b) == -1 ? push_outcome(L, -1) : 2;
}

// An optional list of descriptors; how many they are.
static size_t check_handles(lua_State *L, int index, int *fds) {
    size_t count = lua_istable(L, index) ? lua_rawlen(L, index) : 0;
    luaL_argcheck(L, count <= BUNDLE_MOST, index, "too many descriptors");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        fds[i] = (int)luaL_checkinteger(L, -1);
        lua_pop(L, 1);
    }
    return count;
}

static int channel_method_queue(lua_State *L) {
    size_t size;
    FrameHeader header = {
        .kind = (uint8_t)luaL_checkinteger(L, 2),
        .attempt = (uint16_t)luaL_checkinteger(L, 3),
        .task = (uint64_t)luaL_checkinteger(L, 4),
    };
    const char *payload = luaL_checklstring(L, 5, &size);
    header.size = size;
    int fds[BUNDLE_MOST];
    Bundle *bundle;
    if (bundle_make(&bundle, fds, check_handles(L, 6, fds)) == -1) return push_outcome(L, -1);
    int queued = channel_queue(check_channel(L), header, payload, bundle);
    bundle_drop(bundle);
    return push_outcome(L, queued);
}

// Queued with the bundle and the bulk, of which the channel then is the only holder.
static int queue_long(Channel *channel, FrameHeader header, const char *head, Buffer *bytes,
                      Bundle *bundle) {
    Bulk *bulk = bulk_make(bytes);
    if (!bulk) return -1;
    int queued = channel_queue_long(channel, header, head, tail_of(bulk), bundle);
    bulk_drop(bulk);
    return queued;
}

// channel:queue_long(kind, task, head, tail, handles)
static int channel_method_queue_long(lua_State *L) {
    size_t size, more;
    FrameHeader header = {.kind = (uint8_t)luaL_checkinteger(L, 2),
                          .task = (uint64_t)luaL_checkinteger(L, 3)};
    const char *head = luaL_checklstring(L, 4, &size), *tail = luaL_checklstring(L, 5, &more);
    header.size = size;
    int fds[BUNDLE_MOST];
    Bundle *bundle;
    Buffer bytes = {0};
    if (bundle_make(&bundle, fds, check_handles(L, 6, fds)) == -1) return push_outcome(L, -1);
    int queued = buffer_append(&bytes, tail, more);
    if (queued == 0) queued = queue_long(check_channel(L), header, head, &bytes, bundle);
    bundle_drop(bundle);
    buffer_free(&bytes);
    return push_outcome(L, queued);
}

static int channel_method_flush(lua_State *L) {
    return push_outcome(L, channel_flush(check_channel(L)));
}

static int channel_method_fill(lua_State *L) {
    return push_outcome(L, channel_fill(check_channel(L)));
}

static int channel_method_peek(lua_State *L) {
    Frame frame;
    int whole = channel_peek(check_channel(L), &frame);
    if (whole != 1) return whole == 0 ? 0 : push_outcome(L, -1);
    lua_pushinteger(L, frame.header.kind);
    lua_pushinteger(L, frame.header.attempt);
    lua_pushinteger(L, (lua_Integer)frame.header.task);
    lua_pushlstring(L, frame.payload, frame.header.size);
    if (frame.header.handles == 0) return 4;
    if (!frame.handles) return lua_pushliteral(L, "lost"), 5;
    lua_createtable(L, frame.header.handles, 0);
    for (int i = 0; i < frame.header.handles; i++) {
        lua_pushinteger(L, frame.handles[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 5;
}

static int channel_method_pass(lua_State *L) {
    Frame frame;
    luaL_argcheck(L, channel_peek(check_channel(L), &frame) == 1, 1, "no frame is whole");
    bool take = lua_toboolean(L, 2);
    for (int i = 0; take && i < frame.header.handles; i++) frame.handles[i] = -1;
    channel_pass(check_channel(L), &frame);
    return 0;
}

static int channel_method_take(lua_State *L) {
    Frame frame;
    Buffer payload = {0};
    luaL_argcheck(L, channel_peek(check_channel(L), &frame) == 1, 1, "no frame is whole");
    if (channel_take(check_channel(L), &frame, &payload) == -1) return push_outcome(L, -1);
    lua_pushlstring(L, buffer_bytes(&payload), buffer_size(&payload));
    buffer_free(&payload);
    return 1;
}

static int channel_method_write(lua_State *L) {
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    ssize_t written = descriptor_write(check_channel(L)->fd, bytes, size);
    return push_outcome(L, written == (ssize_t)size ? 0 : -1);
}

static int channel_method_unblock(lua_State *L) {
    return push_outcome(L, channel_unblock(check_channel(L)));
}

static int channel_method_hang_up(lua_State *L) {
    channel_hang_up(check_channel(L));
    return 0;
}

static int channel_method_incoming(lua_State *L) {
    const Buffer *in = &check_channel(L)->incoming;
    lua_pushlstring(L, buffer_bytes(in), buffer_size(in));
    return 1;
}

static int channel_method_room(lua_State *L) {
    Channel *channel = check_channel(L);
    size_t bytes = channel->incoming.capacity + channel->outgoing.capacity;
    lua_pushinteger(L, (lua_Integer)bytes);
    return 1;
}

static int channel_method_close(lua_State *L) {
    channel_close(check_channel(L));
    return 0;
}

// ---- registration ---------------------------------------------------------

static const luaL_Reg FUNCTIONS[] = {
    {"varint", testing_varint},
    {"unvarint", testing_unvarint},
    {"zigzag", testing_zigzag},
    {"unzigzag", testing_unzigzag},
    {"header", testing_header},
    {"buffer", testing_buffer},
    {"channel_pair", testing_channel_pair},
    {NULL, NULL},
};

static const luaL_Reg BUFFER_METHODS[] = {
    {"append", buffer_method_append},     {"reserve", buffer_method_reserve},
    {"consume", buffer_method_consume},   {"bytes", buffer_method_bytes},
    {"capacity", buffer_method_capacity}, {"close", buffer_method_close},
    {"__gc", buffer_method_close},        {NULL, NULL},
};

static const luaL_Reg CHANNEL_METHODS[] = {
    {"queue", channel_method_queue},
    {"queue_long", channel_method_queue_long},
    {"take", channel_method_take},
    {"flush", channel_method_flush},
    {"fill", channel_method_fill},
    {"peek", channel_method_peek},
    {"pass", channel_method_pass},
    {"write", channel_method_write},
    {"unblock", channel_method_unblock},
    {"hang_up", channel_method_hang_up},
    {"room", channel_method_room},
    {"incoming", channel_method_incoming},
    {"close", channel_method_close},
    {"__gc", channel_method_close},
    {NULL, NULL},
};

void testing_wire_register(lua_State *L) {
    core_class(L, BUFFER, BUFFER_METHODS);
    core_class(L, CHANNEL, CHANNEL_METHODS);
    luaL_setfuncs(L, FUNCTIONS, 0);
}
