/* Shared - objects that several processes hold: locks, queues, arrays, connections.
 *
 * Such an object is a userdata around a descriptor. The codec sends the name of its
 * kind, and the descriptor goes beside the message; over there the kind attaches a
 * new userdata to the descriptor that arrives. Each Lua state knows the objects
 * that live in it by the files that their descriptors stand for: one that comes
 * twice, or comes to where it was inherited, is the same Lua value.
 *
 * A kind of objects (most hold a Segment, see core/os/segment.h) is made so:
 *
 *     static const SharedKind LOCK = {.type = "parallel.lock", .noun = "a lock",
 *                                     .attach = lock_attach, .descriptor = lock_descriptor};
 *     core_class(L, "parallel.lock", METHODS);    the metatable, named as `type` says
 *     shared_kind(L, &LOCK);
 *
 * an object of it so:
 *
 *     Lock *lock = lua_newuserdatauv(L, sizeof *lock, 0);
 *     *lock = closed;                             as ever, so that __gc may run
 *     luaL_setmetatable(L, "parallel.lock");
 *     segment_make(&lock->segment, "lock", size)  it owns the descriptor now
 *     shared_enter(L, -1);                        may raise; the collector then closes it
 *
 * and its close and __gc begin so:
 *
 *     shared_leave(L, lock->segment.fd);          before the descriptor is closed
 *
 * The descriptors of all objects that live at a fork stay open in the child: what they
 * map and the descriptor go on being good there, and the child closes its own copy. A
 * kind for which that is wrong (a stray copy of a connection's end would keep the other
 * end from ever seeing it closed) has a function `forked`. */
#ifndef PARALLEL_LUA_LUA_SHARED_H
#define PARALLEL_LUA_LUA_SHARED_H

#include <stdbool.h>

#include "core/lua/compat.h"
#include "core/wire/buffer.h"

typedef struct {
    const char *type; // the metatable's name, and the kind's on the wire
    const char *noun; // for messages: "a lock" cannot be sent this way
    /* Pushes an object around the descriptor, which it then owns: 0. Or -1 with errno
     * and nothing pushed; then, and when it raises, the descriptor is still the caller's.
     * The caller enters the object. */
    int (*attach)(lua_State *L, int fd);
    /* The descriptor of the object at this index; -1: it is closed. */
    int (*descriptor)(lua_State *L, int index);
    /* NULL; or the descriptor is not kept in forked children but when it is asked for,
     * and this is called there for every such object: is it open here? Raises nothing. */
    void (*forked)(lua_State *L, int index, bool open);
    /* NULL; or called before a fork for each such object that the child keeps. */
    void (*lend)(lua_State *L, int index);
    bool stays; // it cannot be sent: the descriptor is not all that makes it
} SharedKind;

/* Makes the kind known in this state; its metatable is there already. */
void shared_kind(lua_State *L, const SharedKind *kind);

/* The kind of the value at this index, or NULL. */
const SharedKind *shared_kind_of(lua_State *L, int index);

/* The object at this index, which is open, lives here from now on. */
void shared_enter(lua_State *L, int index);

/* The object around this descriptor is about to be closed. Of -1, or of one that never
 * entered: nothing. Raises nothing. */
void shared_leave(lua_State *L, int fd);

/* Pushes the object of this type that the descriptor stands for: the one that
 * lives here, or a new one. *fd becomes -1 when it was taken over, by the object or by
 * being closed; otherwise, when this raises, it is still the caller's. */
void shared_receive(lua_State *L, const char *type, int *fd);

/* Before a fork: appends, as int, the descriptors that every child keeps. 0, or -1
 * with ENOMEM. Raises nothing. */
int shared_keep(lua_State *L, Buffer *fds);

/* In a child that kept these descriptors: tells the objects whether theirs is among them. */
void shared_settle(lua_State *L, const Buffer *kept);

#endif
