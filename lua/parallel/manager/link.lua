--- link: this process's way to a manager, which all its proxies share.
--
-- Requests are messages of the values serial, object, method, ..., answers of serial, outcome, ...; serial
-- 0 wants no answer, object 0 is the manager itself. A process has a connection of its own: what
-- it was forked with is its parent's. That connection is the process, as the manager sees it: when
-- it ends, so do the references that were counted for it and the locks that it held.
local attend = require("parallel.base.attend")
local authkey = require("parallel.process.authkey")
local check = require("parallel.base.check")
local core = require("parallel.core")
local fault = require("parallel.base.fault")
local finalizer = require("parallel.base.finalizer")
local hidden = require("parallel.base.hidden")
local identity = require("parallel.process.identity")
local packing = require("parallel.base.packing")

local pack, unpack = packing.pack, packing.unpack

local ENDED = "the manager has ended"
local PATIENCE = 30 -- seconds for a manager to say who it is

local Link = {}
Link.__index = Link

local links = setmetatable({}, {__mode = "v"}) -- by address

-- ---- the connection -------------------------------------------------------

local function close_connection(number, pid)
  local connection = hidden.take(number)
  if connection and pid == core.pid() then connection:close() end
end

-- Nothing may be sent by a finalizer until then.
local function connect(self)
  self.busy, self.pid, self.ended, self.pending = true, core.pid(), nil, nil
  hidden.take(self.number)
  local connection, why = core.client(self.address, self.key, PATIENCE, true)
  if connection then self.number = hidden.put(connection) else self.ended = ENDED end
  self.busy, self.owed, self.answers = false, {}, {}
  fault("link.connected")
  return connection, why
end

--- The manager has ended: so does this.
function Link:finish()
  close_connection(self.number, self.pid)
  self.ended, self.busy = ENDED, false
  if links[self.address] == self then links[self.address] = nil end
end

-- In a child: a connection of its own, over which it claims what it inherited.
local function renew(self)
  if not connect(self) then return end
  for id, count in pairs(self.counts) do
    if self.proxies[id] then self:owe("claim", id) end
    count[1] = 1
  end
end

local function open(self)
  if self.pid ~= core.pid() then renew(self) end
  if self.ended then check.fail(self.ended) end
  return hidden.get(self.number)
end

-- ---- what the manager is told ---------------------------------------------

local function settle(self)
  local connection, owed = hidden.get(self.number), self.owed
  self.busy, self.owed = true, {}
  for _, message in ipairs(owed) do
    pcall(connection.send_values, connection, nil, 0, 0, unpack(message, 1, message.n))
    fault("link.settled")
  end
  self.busy = false
end

--- Tell it when there is time: now, unless a request is under way.
function Link:owe(method, ...)
  if self.ended or self.pid ~= core.pid() then return end
  self.owed[#self.owed + 1] = pack(method, ...)
  if not self.busy then settle(self) end
end

local function rest(self)
  self.busy = false
  while self.owed[1] and not self.ended do settle(self) end
end

-- ---- requests -------------------------------------------------------------

-- Nothing was sent, since the fourth value of a request or one behind it cannot be; or something
-- interrupted it.
local function refuse_to_send(self, why)
  local place, path = tostring(why):match("^%[(%d+)%](.*)$")
  if place then self.pending = nil end
  rest(self)
  if not place then error(why, 0) end
  check.fail(("cannot send: args[%d]%s"):format(tonumber(place) - 3, path))
end

-- Whatever interrupted it, the answer is not wanted any more.
local function give_up(self)
  local serial = self.pending
  self.pending = nil
  self:owe("cancel", serial)
  rest(self)
end

local answering -- the link whose answer is being taken in

local function restore(before, ...)
  answering = before
  return ...
end

local function receive(self, connection, timeout)
  local before = answering
  answering = self
  return restore(before, pcall(connection.recv_values, connection, timeout))
end

-- Something has come, or pools have gone on: their callbacks may make requests of their own.
local function take_turn(self, connection, serial)
  local fds = {connection:fileno()}
  self.busy, self.pending = false, nil
  local ok, why = pcall(attend.turn, fds)
  self.busy, self.pending = true, serial
  return ok, why
end

local function finish_waiting(self, serial, ...)
  self.answers[serial] = nil
  return ...
end

-- The same as receive without a timeout, while pools go on. Who makes a request meanwhile may find
-- the answer to this one, and keeps it.
local function receive_attending(self, connection, serial)
  self.answers[serial] = false
  while true do
    local got = pack(receive(self, connection, 0))
    if not got[1] or got[2] or got[3] ~= "timeout" then
      return finish_waiting(self, serial, unpack(got, 1, got.n))
    end
    local ok, why = take_turn(self, connection, serial)
    if not ok then return finish_waiting(self, serial, false, why) end
    if self.ended then return true end
    local answer = self.answers[serial]
    if answer then return finish_waiting(self, serial, true, true, serial, unpack(answer, 1, answer.n)) end
  end
end

local function receive_next(self, connection, serial)
  if attend.is_needed() then return receive_attending(self, connection, serial) end
  return receive(self, connection)
end

-- For one who waits for it further out; the others were given up.
local function keep(self, serial, ...)
  if self.answers[serial] == false then self.answers[serial] = pack(...) end
end

-- From what receive gave: the results, or raises.
local function conclude(self, connection, serial, ok, came, number, outcome, ...)
  if not ok then
    give_up(self)
    error(came, 0)
  end
  if came and number ~= serial then
    keep(self, number, outcome, ...)
    return conclude(self, connection, serial, receive_next(self, connection, serial))
  end
  self.pending = nil
  fault("link.answered")
  if not came then
    self:finish()
    check.fail(ENDED)
  end
  if self.owed[1] then rest(self) else self.busy = false end
  if outcome == "done" then return ... end
  local why = ...
  if outcome == "refused" then check.fail(why) end
  error(why, 0)
end

--- What the object's method returns. Raises at the caller's line what the manager refuses, and what
-- the user's functions raise there as it is.
function Link:request(id, method, ...)
  local connection = open(self)
  if self.pending then give_up(self) end -- what came was raised between two steps of it
  local serial = self.serial + 1
  self.serial, self.busy, self.pending = serial, true, serial
  local ok, sent = pcall(connection.send_values, connection, nil, serial, id, method, ...)
  if not ok then return refuse_to_send(self, sent) end
  fault("link.asked")
  if not sent then return conclude(self, connection, serial, true) end
  return conclude(self, connection, serial, receive_next(self, connection, serial))
end

-- ---- proxies --------------------------------------------------------------

--- The proxy of that object here. `granted`: the manager has counted it for us already. `make(count)`
-- makes one; count[1] is how often it was counted.
function Link:adopt(id, granted, make)
  if self.pid ~= core.pid() then renew(self) end
  local proxy, count = self.proxies[id], self.counts[id]
  if not proxy then
    count = {0}
    proxy = make(self, id, finalizer.new(function() self:release(id, count) end))
    self.proxies[id], self.counts[id] = proxy, count
  end
  count[1] = count[1] + 1
  if not granted then self:owe("claim", id) end
  return proxy
end

--- The last who used it here is gone.
function Link:release(id, count)
  if self.counts[id] == count then self.counts[id] = nil end
  self:owe("drop", id, count[1])
end

-- ---- making one -----------------------------------------------------------

local link = {}

local function new(address, key)
  local self = setmetatable({
    address = address, key = key, serial = 0, owed = {}, busy = false,
    proxies = setmetatable({}, {__mode = "v"}), counts = {},
  }, Link)
  local connection, why = connect(self)
  self.closing = finalizer.new(function() close_connection(self.number, self.pid) end)
  return self, connection, why
end

local function known(address, key)
  local self = links[address]
  if self and (key == nil or self.key == key) and not self.ended then return self end
end

--- The link to the manager there; nil and why not when it cannot be reached.
function link.connect(address, key)
  local self = known(address, key)
  if self then return self end
  local made, connection, why = new(address, key)
  if not connection then return nil, why end
  links[address] = made
  return made
end

--- The same for a proxy that came: one that cannot be reached says so when it is used. One that came
-- from a manager's own process, not in an answer, came without the key.
function link.to(address, key)
  local self = known(address, key)
  if self then return self end
  links[address] = new(address, key == nil and authkey.get() or key)
  return links[address]
end

--- The link to the manager whose answer is just being decoded; nil when there is none.
function link.answering() return answering end

--- In a manager's own process: nothing that was inherited is used here.
function link.renounce()
  for address, self in pairs(links) do
    self.ended = ENDED
    links[address] = nil
  end
end

-- At the birth of a child, before its parent may give up what it was forked with.
identity.at_birth(function()
  for _, self in pairs(links) do
    if next(self.proxies) ~= nil and not self.ended then renew(self) end
  end
end)

return link
