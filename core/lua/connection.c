#include "core/lua/connection.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "core/lua/codec.h"
#include "core/lua/core.h"
#include "core/lua/parcel.h"
#include "core/lua/pid.h"
#include "core/lua/shared.h"
#include "core/lua/vigil.h"
#include "core/os/clock.h"
#include "core/os/descriptor.h"
#include "core/os/fault.h"
#include "core/os/sys.h"
#include "core/wire/channel.h"

// Their names tell the receiver of an end what it is good for.
static const char DUPLEX[] = "parallel.connection";
static const char RECEIVER[] = "parallel.connection.receiver";
static const char SENDER[] = "parallel.connection.sender";
static const char REMOTE[] = "parallel.connection.remote"; // to another program

enum { MESSAGE_VALUE = 1, MESSAGE_BYTES }; // kinds of frames
enum { KEPT_SCRATCH = 1 << 16 };           // bytes of memory that an end keeps for the next message

typedef struct {
    Channel channel;
    pid_t owner;          // where the descriptor is open
    bool receives, sends; // which it is good for
    ConnectionTrust trust;
    Stream *stream; // of a REMOTE one
    bool alone;     // its waits do not look after pools
    bool busy;      // a message is being made or taken apart, which may call anything
    bool asked;     // something was sent, and nothing has come since
    Buffer scratch; // the message that is being made
} Connection;

// ---- which one -----------------------------------------------------------

// The metatables of all kinds have something at this key.
static const char MARK;

static bool is_connection(lua_State *L) {
    if (lua_type(L, 1) != LUA_TUSERDATA || !lua_getmetatable(L, 1)) return false;
    bool is = lua_rawgetp(L, -1, &MARK) != LUA_TNIL;
    lua_pop(L, 2);
    return is;
}

static Connection *check(lua_State *L) {
    return is_connection(L) ? lua_touserdata(L, 1) : luaL_checkudata(L, 1, DUPLEX);
}

static Connection *check_open(lua_State *L) {
    Connection *connection = check(L);
    if (connection->channel.fd == -1) luaL_error(L, "attempt to use a closed connection");
    if (connection->owner != pid_here(L))
        luaL_error(L, "this connection belongs to process %d", (int)connection->owner);
    if (connection->busy)
        luaL_error(L, "attempt to use a connection inside of a message of its own");
    return connection;
}

static Connection *check_receives(lua_State *L) {
    Connection *connection = check_open(L);
    if (!connection->receives) luaL_error(L, "this end of the pipe only sends");
    return connection;
}

static Connection *check_sends(lua_State *L) {
    Connection *connection = check_open(L);
    if (!connection->sends) luaL_error(L, "this end of the pipe only receives");
    return connection;
}

static Connection *push(lua_State *L, const char *type) {
    Connection *connection = lua_newuserdatauv(L, sizeof *connection, 0);
    *connection = (Connection){.channel = CHANNEL_CLOSED,
                               .owner = getpid(),
                               .receives = type != SENDER,
                               .sends = type != RECEIVER};
    luaL_setmetatable(L, type);
    return connection;
}

static void close_connection(lua_State *L, Connection *connection) {
    if (connection->owner != getpid()) channel_disown(&connection->channel);
    shared_leave(L, connection->channel.fd);
    stream_free(connection->stream, connection->channel.fd);
    connection->stream = NULL;
    channel_close(&connection->channel);
    buffer_free(&connection->scratch);
}

// ---- waiting -------------------------------------------------------------

static int why_not(lua_State *L, const char *reason) {
    lua_pushnil(L);
    lua_pushstring(L, reason);
    return 2;
}

// In nanoseconds, as clock_now; 0: has passed; UINT64_MAX: for ever.
static uint64_t check_deadline(lua_State *L, int index, lua_Number missing) {
    lua_Number seconds = luaL_optnumber(L, index, missing);
    luaL_argcheck(L, seconds == seconds, index, "a timeout cannot be NaN");
    if (seconds > 4e9) return UINT64_MAX;
    return seconds > 0 ? clock_now() + (uint64_t)(seconds * 1e9) : 0;
}

// -1: for ever. Rounded up: nobody shall be woken for nothing.
static int left_ms(uint64_t deadline) {
    if (deadline == UINT64_MAX) return -1;
    if (deadline == 0) return 0;
    uint64_t now = clock_now();
    uint64_t ms = now < deadline ? (deadline - now + NS_PER_MS - 1) / NS_PER_MS : 0;
    return ms < 1000000000 ? (int)ms : 1000000000;
}

// What the socket is ready for of what is asked: 0 when the time ran out. Meanwhile a signal may
// raise, and callbacks of pools may use this connection too, which harms nothing: what is under way
// stays in the buffers. Or they close it, which is an error.
static int await(lua_State *L, Connection *connection, short what, uint64_t deadline) {
    Vigil vigil = connection->alone ? vigil_alone(deadline) : vigil_begin(L, deadline);
    for (;;) {
        struct pollfd polled = {.fd = connection->channel.fd, .events = what};
        int left = left_ms(vigil.until);
        if (left != 0) channel_linger(&connection->channel, what);
        int count = sys.poll(&polled, 1, left);
        if (count > 0) return polled.revents;
        if (count == -1 && errno != EINTR)
            luaL_error(L, "cannot wait for a connection: %s", strerror(errno));
        if (count == 0 && left_ms(vigil.until) > 0) continue;
        if (!vigil_goes_on(L, &vigil, count)) return 0;
        check_open(L);
    }
}

// ---- sending -------------------------------------------------------------

// Writes what is queued, and reads while there is no room for it: the other end may be
// doing the same. 1: all is out; 0: the time ran out; -1: there is nobody to read it.
static int flush(lua_State *L, Connection *connection, uint64_t deadline) {
    Channel *channel = &connection->channel;
    for (int out; (out = channel_flush(channel)) != 1;) {
        if (out == 0) continue;
        if (!descriptor_may_send_later(errno)) {
            channel_discard(channel);
            return -1;
        }
        FAULT("connection.full");
        bool reads = connection->receives && channel_peek(channel, &(Frame){0}) != -1;
        int ready = await(L, connection, reads ? POLLOUT | POLLIN : POLLOUT, deadline);
        if (ready == 0) return 0;
        if (ready & POLLIN) channel_fill(channel);
    }
    return 1;
}

static int flush_and_tell(lua_State *L, Connection *connection, uint64_t deadline) {
    int out = flush(L, connection, deadline);
    if (out != 1) return why_not(L, out == 0 ? "timeout" : "closed");
    lua_pushboolean(L, 1);
    return 1;
}

static int send_message(lua_State *L, Connection *connection, int kind, const char *bytes,
                        size_t size, Bundle *bundle, uint64_t deadline) {
    FrameHeader header = {.kind = (uint8_t)kind, .size = size};
    int queued = channel_queue(&connection->channel, header, bytes, bundle);
    bundle_drop(bundle);
    if (queued == -1) return luaL_error(L, "cannot send: %s", strerror(errno));
    connection->asked = true;
    FAULT("connection.send");
    int results = flush_and_tell(L, connection, deadline);
    FAULT("connection.sent");
    return results;
}

// encode(connection, ...): the parcel, or nil
static int encode(lua_State *L) {
    Connection *connection = lua_touserdata(L, 1);
    int count = lua_gettop(L) - 1;
    buffer_clear(&connection->scratch);
    switch (connection->trust) {
    case TRUST_ALL: codec_encode_trusted(L, 2, count, &connection->scratch); return 1;
    case TRUST_FUNCTIONS: codec_encode_functions(L, 2, count, &connection->scratch); return 0;
    default: codec_encode(L, 2, count, &connection->scratch); return 0;
    }
}

// Encodes the topmost `count` values, during which the connection must not be used. Leaves the
// parcel, or what was raised: then the status is that of lua_pcall.
static int encode_busy(lua_State *L, Connection *connection, int count) {
    lua_pushcfunction(L, encode);
    lua_insert(L, -1 - count);
    lua_pushlightuserdata(L, connection);
    lua_insert(L, -1 - count);
    connection->busy = true;
    int status = lua_pcall(L, 1 + count, 1, 0);
    connection->busy = false;
    return status;
}

// The values that were encoded, whose parcel is on top of the stack, as one message.
static int send_encoded(lua_State *L, Connection *connection, uint64_t deadline) {
    int fds[BUNDLE_MOST];
    Bundle *bundle;
    if (bundle_make(&bundle, fds, parcel_descriptors(L, lua_gettop(L), fds)) == -1)
        return luaL_error(L, "cannot send a shared object: %s", strerror(errno));
    Buffer *message = &connection->scratch;
    lua_settop(L, 1);
    int results = send_message(L, connection, MESSAGE_VALUE, buffer_bytes(message),
                               buffer_size(message), bundle, deadline);
    if (message->capacity > KEPT_SCRATCH) buffer_free(message);
    return results;
}

static int connection_send(lua_State *L) {
    Connection *connection = check_sends(L);
    if (lua_isnoneornil(L, 2)) return luaL_error(L, "cannot send nil");
    uint64_t deadline = check_deadline(L, 3, HUGE_VAL);
    lua_settop(L, 2);
    int status = encode_busy(L, connection, 1);
    if (status == LUA_ERRMEM || (status != 0 && !lua_isstring(L, -1))) return lua_error(L);
    if (status != 0) return luaL_error(L, "cannot send: %s", lua_tostring(L, -1));
    return send_encoded(L, connection, deadline);
}

static int connection_send_values(lua_State *L) {
    Connection *connection = check_sends(L);
    uint64_t deadline = check_deadline(L, 2, HUGE_VAL);
    if (encode_busy(L, connection, lua_gettop(L) - 2) != 0) return lua_error(L);
    return send_encoded(L, connection, deadline);
}

// A position as in string.sub, from 1 on; at most size + 1.
static size_t position(lua_Integer at, size_t size) {
    if (at < 0) at = (lua_Integer)size + at + 1;
    if (at < 0) return 0;
    return (size_t)at <= size ? (size_t)at : size + 1;
}

static int connection_send_bytes(lua_State *L) {
    Connection *connection = check_sends(L);
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    size_t first = position(luaL_optinteger(L, 3, 1), size);
    size_t last = position(luaL_optinteger(L, 4, -1), size);
    if (first == 0) first = 1;
    if (last > size) last = size;
    size_t count = last >= first ? last - first + 1 : 0;
    return send_message(L, connection, MESSAGE_BYTES, bytes + first - 1, count, NULL, UINT64_MAX);
}

static int connection_flush(lua_State *L) {
    return flush_and_tell(L, check_sends(L), check_deadline(L, 2, HUGE_VAL));
}

// ---- receiving -----------------------------------------------------------

typedef enum { CAME, TIMEOUT, CLOSED, TOO_LONG } Reception;

// What was queued when a signal raised is written when there is time for it.
static short interests(const Connection *connection) {
    return buffer_size(&connection->channel.outgoing) ? POLLIN | POLLOUT : POLLIN;
}

// Waits until there is a whole message, of at most `most` bytes. The answer to what was just
// sent is not there yet, so who has time waits for it before the first look.
static Reception receive(lua_State *L, Connection *connection, Frame *frame, uint64_t most,
                         uint64_t deadline) {
    Channel *channel = &connection->channel;
    bool look = !connection->asked || deadline == 0;
    for (;; look = true) {
        frame->header.size = 0;
        int whole = channel_peek(channel, frame);
        if (whole == -1 && connection->stream) return CLOSED;
        if (whole == -1) return luaL_error(L, "what came over the connection is no message");
        if (frame->header.size > most) return TOO_LONG;
        if (whole == 1) return CAME;
        int filled = look ? channel_fill_frame(channel) : -1;
        if (filled == 0) return CLOSED;
        if (filled == 1) continue;
        if (look && errno != EAGAIN) luaL_error(L, "cannot receive: %s", strerror(errno));
        int ready = await(L, connection, interests(connection), deadline);
        if (ready == 0) return TIMEOUT;
        connection->asked = false;
        if (ready & POLLOUT && channel_flush(channel) == -1 && !descriptor_may_send_later(errno))
            channel_discard(channel);
    }
}

// With the parcel as the third value. How many were pushed.
static int decode_as(lua_State *L, ConnectionTrust trust, const Frame *frame) {
    const char *bytes = frame->payload;
    size_t size = frame->header.size;
    FAULT("connection.decode");
    switch (trust) {
    case TRUST_ALL: return codec_decode_trusted(L, bytes, size, 3);
    case TRUST_FUNCTIONS: return codec_decode_functions(L, bytes, size);
    default: return codec_decode(L, bytes, size);
    }
}

// nil, "closed", and when another program was at the other end and did not close it properly, why.
static int why_closed(lua_State *L, const Connection *connection) {
    int results = why_not(L, "closed");
    if (!connection->stream) return results;
    switch (stream_state(connection->stream)) {
    case STREAM_CLOSED: return results;
    case STREAM_CUT_OFF: lua_pushliteral(L, "cut off"); break;
    case STREAM_REFUSED: lua_pushliteral(L, "authentication failed"); break;
    default: lua_pushliteral(L, "damaged");
    }
    return results + 1;
}

// decode(connection, frame): the values
static int decode(lua_State *L) {
    const Connection *connection = lua_touserdata(L, 1);
    const Frame *frame = lua_touserdata(L, 2);
    const FrameHeader *header = &frame->header;
    if (header->handles)
        parcel_push(L, frame->handles, header->handles);
    else
        lua_pushnil(L);
    return decode_as(L, connection->trust, frame);
}

// Pushes them; how many. Whatever becomes of the message, it has been taken.
static int take_values(lua_State *L, Connection *connection, const Frame *frame) {
    int before = lua_gettop(L);
    lua_pushcfunction(L, decode);
    lua_pushlightuserdata(L, connection);
    lua_pushlightuserdata(L, (void *)(uintptr_t)frame);
    connection->busy = true;
    int status = lua_pcall(L, 2, LUA_MULTRET, 0);
    connection->busy = false;
    channel_pass(&connection->channel, frame);
    return status == 0 ? lua_gettop(L) - before : lua_error(L);
}

static int take_bytes(lua_State *L, Connection *connection, const Frame *frame) {
    lua_pushlstring(L, frame->payload, frame->header.size);
    channel_pass(&connection->channel, frame);
    return 1;
}

// The next message of any size. 0, or the count of what was pushed that says why there is none.
static int receive_any(lua_State *L, Connection *connection, Frame *frame) {
    switch (receive(L, connection, frame, UINT64_MAX, check_deadline(L, 2, HUGE_VAL))) {
    case TIMEOUT: return why_not(L, "timeout");
    case CAME: FAULT("connection.received"); return 0;
    default: return why_closed(L, connection);
    }
}

static int connection_recv(lua_State *L) {
    Connection *connection = check_receives(L);
    Frame frame;
    int missing = receive_any(L, connection, &frame);
    if (missing) return missing;
    if (frame.header.kind == MESSAGE_BYTES) return take_bytes(L, connection, &frame);
    int count = take_values(L, connection, &frame);
    return count == 1 ? 1 : luaL_error(L, "a message of %d values", count);
}

static int connection_recv_values(lua_State *L) {
    Connection *connection = check_receives(L);
    Frame frame;
    int missing = receive_any(L, connection, &frame);
    if (missing) return missing;
    lua_pushboolean(L, 1);
    if (frame.header.kind == MESSAGE_BYTES) return 1 + take_bytes(L, connection, &frame);
    return 1 + take_values(L, connection, &frame);
}

static int connection_recv_bytes(lua_State *L) {
    Connection *connection = check_receives(L);
    lua_Number most = luaL_optnumber(L, 2, 0x1p53);
    luaL_argcheck(L, most >= 0, 2, "a size cannot be negative");
    Frame frame;
    uint64_t limit = most < 0x1p53 ? (uint64_t)most : UINT64_MAX;
    switch (receive(L, connection, &frame, limit, check_deadline(L, 3, HUGE_VAL))) {
    case TIMEOUT: return why_not(L, "timeout");
    case CLOSED: return why_closed(L, connection);
    case TOO_LONG: close_connection(L, connection); return why_not(L, "too long");
    case CAME: break;
    }
    return take_bytes(L, connection, &frame);
}

// An end that is closed over there is ready to say so.
static int connection_poll(lua_State *L) {
    Connection *connection = check_receives(L);
    Frame frame;
    Reception reception = receive(L, connection, &frame, UINT64_MAX, check_deadline(L, 2, 0));
    lua_pushboolean(L, reception != TIMEOUT);
    return 1;
}

static int connection_ready(lua_State *L) {
    Frame frame;
    lua_pushboolean(L, channel_peek(&check_open(L)->channel, &frame) != 0);
    return 1;
}

// ---- the rest ------------------------------------------------------------

static int connection_fileno(lua_State *L) {
    lua_pushinteger(L, check_open(L)->channel.fd);
    return 1;
}

static int connection_close(lua_State *L) {
    close_connection(L, check(L));
    return 0;
}

// `closed` is a field, all else a method: upvalue 1 is their table.
static int connection_index(lua_State *L) {
    const char *name = lua_tostring(L, 2);
    if (name && strcmp(name, "closed") == 0) {
        lua_pushboolean(L, check(L)->channel.fd == -1);
        return 1;
    }
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
    return 1;
}

static int attach_as(lua_State *L, const char *type, int fd) {
    Connection *connection = push(L, type);
    connection->channel = channel_of(fd);
    return 0;
}

static int attach_duplex(lua_State *L, int fd) {
    return attach_as(L, DUPLEX, fd);
}

static int attach_receiver(lua_State *L, int fd) {
    return attach_as(L, RECEIVER, fd);
}

static int attach_sender(lua_State *L, int fd) {
    return attach_as(L, SENDER, fd);
}

static int descriptor(lua_State *L, int index) {
    return ((const Connection *)lua_touserdata(L, index))->channel.fd;
}

// What the parent had begun to write is the parent's to finish.
static void forked(lua_State *L, int index, bool open) {
    Connection *connection = lua_touserdata(L, index);
    if (open) {
        connection->owner = getpid();
        channel_discard(&connection->channel);
        if (connection->stream) stream_inherit(connection->stream);
    } else {
        channel_disown(&connection->channel);
    }
}

// What makes it is the secrets, which do not go with the descriptor.
static int attach_remote(lua_State *L, int fd) {
    (void)L, (void)fd;
    errno = ENOTSUP;
    return -1;
}

static void lend(lua_State *L, int index) {
    const Connection *connection = lua_touserdata(L, index);
    if (connection->stream) stream_share(connection->stream);
}

void connection_push(lua_State *L) {
    push(L, REMOTE);
}

void connection_open(lua_State *L, int index, int fd, Stream *stream, ConnectionTrust trust) {
    index = lua_absindex(L, index);
    Connection *connection = lua_touserdata(L, index);
    connection->channel = channel_of(fd);
    connection->channel.transport = &STREAM_TRANSPORT;
    connection->channel.context = connection->stream = stream;
    connection->trust = trust;
    shared_enter(L, index);
}

void connection_wait_alone(lua_State *L, int index) {
    Connection *connection = lua_touserdata(L, index);
    connection->alone = true;
}

static int core_pipe(lua_State *L) {
    bool duplex = lua_isnoneornil(L, 1) || lua_toboolean(L, 1);
    Connection *a = push(L, duplex ? DUPLEX : RECEIVER);
    Connection *b = push(L, duplex ? DUPLEX : SENDER);
    if (channel_pair(&a->channel, &b->channel) == -1 || channel_unblock(&a->channel) == -1 ||
        channel_unblock(&b->channel) == -1)
        return luaL_fileresult(L, 0, "cannot make a pipe");
    shared_enter(L, -2);
    shared_enter(L, -1);
    return 2;
}

static const luaL_Reg METHODS[] = {
    {"send", connection_send},
    {"recv", connection_recv},
    {"send_values", connection_send_values},
    {"recv_values", connection_recv_values},
    {"send_bytes", connection_send_bytes},
    {"flush", connection_flush},
    {"recv_bytes", connection_recv_bytes},
    {"poll", connection_poll},
    {"ready", connection_ready},
    {"fileno", connection_fileno},
    {"close", connection_close},
    {"__close", connection_close},
    {"__gc", connection_close},
    {NULL, NULL},
};

static void register_kind(lua_State *L, const SharedKind *kind) {
    core_class(L, kind->type, METHODS);
    luaL_getmetatable(L, kind->type);
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, connection_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 1);
    lua_rawsetp(L, -2, &MARK);
    lua_pop(L, 1);
    shared_kind(L, kind);
}

void connection_register(lua_State *L) {
    static const char NOUN[] = "a connection";
    static const SharedKind KINDS[] = {
        {DUPLEX, NOUN, attach_duplex, descriptor, forked, NULL, false},
        {RECEIVER, NOUN, attach_receiver, descriptor, forked, NULL, false},
        {SENDER, NOUN, attach_sender, descriptor, forked, NULL, false},
        {REMOTE, NOUN, attach_remote, descriptor, forked, lend, true},
    };
    for (int i = 0; i < 4; i++) register_kind(L, &KINDS[i]);
    lua_pushcfunction(L, core_pipe);
    lua_setfield(L, -2, "pipe");
}
