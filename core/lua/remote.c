#include "core/lua/remote.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "core/os/clock.h"

// The system's words, as part of a sentence: "Connection refused" has no capital there.
static const char *push_words(lua_State *L, const char *words) {
    char first = (char)tolower((unsigned char)words[0]);
    lua_pushlstring(L, &first, 1);
    lua_pushstring(L, words + 1);
    lua_concat(L, 2);
    return lua_tostring(L, -1);
}

const char *remote_address(lua_State *L, int index, Address *address) {
    size_t size;
    const char *text = luaL_checklstring(L, index, &size), *why;
    return address_parse(address, text, size, &why) == 0 ? NULL : push_words(L, why);
}

const char *remote_secret(lua_State *L, int index, Secret *secret, bool *has_secret) {
    *has_secret = !lua_isboolean(L, index) || lua_toboolean(L, index);
    if (!*has_secret) return NULL;
    size_t size;
    const char *key = luaL_checklstring(L, index, &size);
    luaL_argcheck(L, size > 0, index, "an authkey cannot be empty");
    if (secret_of(secret, key, size) == 0) return NULL;
    return "this build has no libsodium, and so no keys (authkey = false: plain data over a path)";
}

uint64_t remote_deadline(lua_State *L, int index) {
    if (lua_isnoneornil(L, index)) return UINT64_MAX;
    lua_Number seconds = luaL_checknumber(L, index);
    luaL_argcheck(L, seconds == seconds, index, "a timeout cannot be NaN");
    if (seconds > 4e9) return UINT64_MAX;
    return clock_now() + (seconds > 0 ? (uint64_t)(seconds * 1e9) : 0);
}

ConnectionTrust remote_trust(const Address *address, bool has_secret) {
    if (!has_secret) return TRUST_NOBODY;
    return address_is_path(address) ? TRUST_ALL : TRUST_FUNCTIONS;
}

const char *remote_reason(lua_State *L, int error) {
    switch (error) {
    case EACCES: return "the key is another, or only one side has one";
    case EPROTO: return "what came is not of this library";
    case EPROTONOSUPPORT: return "it is of another version, or a machine of another kind";
    case EPERM: return "it is another user's";
    case ECONNRESET: return "it went away";
    case ETIMEDOUT: return "it took too long";
    case ELOOP: return "there is a symbolic link";
    case EEXIST: return "there is something else than a socket";
    case ENOTSUP: return "this build has no libsodium, and so no TCP";
    default: return push_words(L, strerror(error));
    }
}

int remote_failure(lua_State *L, const char *what, const char *address, const char *reason) {
    lua_pushnil(L);
    lua_pushfstring(L, "%s %s: %s", what, address, reason);
    return 2;
}
