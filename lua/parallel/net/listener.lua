--- listener: where other programs connect to, over a socket in the file system or TCP.
--
-- Both sides prove that they know the key before a byte is decoded; who does not is turned away
-- unseen, while others come in. See core/net for how, and client.lua for the other side.
local authkey = require("parallel.process.authkey")
local check = require("parallel.base.check")
local core = require("parallel.core")
local log = require("parallel.base.log")
local new_path = require("parallel.net.new_path")

local BACKLOG = 16
local OPTIONS = {address = true, authkey = true, backlog = true}
local LOG_EVERY = 1 -- seconds: strangers shall not fill the log

local Listener = {}

-- `address` and `closed` are read as they are just now; all else is a field or a method.
function Listener:__index(name)
  if name == "address" then return rawget(self, "_address") end
  if name == "closed" then return self._door:closed() end
  return Listener[name]
end

--- Listen at {address =, authkey =, backlog =}: a path, or "host:port" with 0 for any port; a new
-- path when none is given. The key is the process's own when none is given, false for none. A
-- listener with the fields `address`, `last_accepted` and `closed`; or nil and why not.
local function new(options)
  options = options or {}
  check.options(options, OPTIONS, 1, "Listener")
  local address = options.address
  if address ~= nil then authkey.check_address(address, "Listener") else address = new_path() end
  check.whole_option(options, "backlog", 1, 1, "Listener")
  local key = authkey.of_option(options.authkey, "Listener")
  local door, why = core.listener(address, key, options.backlog or BACKLOG)
  if not door then return nil, why end
  local self = {_door = door, _address = door:address(), _unlogged = 0, _logged_at = -math.huge}
  return setmetatable(self, Listener)
end

-- A line a second at most, which tells of those before it too.
local function log_refusal(self, reason, who)
  local now = core.clock()
  if now - self._logged_at < LOG_EVERY then
    self._unlogged = self._unlogged + 1
    return
  end
  local others = self._unlogged > 0 and (", and %d others before"):format(self._unlogged) or ""
  log.warn("listener at %s: refused %s: %s%s", self._address, who, reason, others)
  self._logged_at, self._unlogged = now, 0
end

--- Wait for the next who knows the key: a connection, or nil, "timeout" after so many seconds. Who
-- that is, is in `last_accepted`: an address, or "pid N" when it came by a path.
function Listener:accept(timeout)
  check.optional_time(timeout, 1, "accept")
  local deadline = timeout and core.clock() + timeout
  while true do
    local connection, who, reason, stranger = self._door:accept(deadline and deadline - core.clock())
    if connection then
      self.last_accepted = who
      return connection
    end
    if who ~= "refused" then return nil, who end
    log_refusal(self, reason, stranger)
  end
end

--- A descriptor for parallel.wait and event loops: when it is readable, accept(0) has something
-- to do, which may be but a part of a handshake.
function Listener:fileno() return self._door:fileno() end

--- Listen no longer; connections that were accepted stay. Twice is harmless.
function Listener:close() self._door:close() end

Listener.__close = Listener.close

return {new = new}
