--- server: the process of a manager: one loop, in which every request is answered at once or,
-- when it has to wait, put aside (turn.lua) until its time has come.
local attend = require("parallel.base.attend")
local core = require("parallel.core")
local fault = require("parallel.base.fault")
local finalizer = require("parallel.base.finalizer")
local link = require("parallel.manager.link")
local listener = require("parallel.net.listener")
local log = require("parallel.base.log")
local packing = require("parallel.base.packing")
local proxy = require("parallel.manager.proxy")
local random_bytes = require("parallel.base.random_bytes")
local refusal = require("parallel.manager.served.refusal")
local served = require("parallel.manager.served")
local turn = require("parallel.manager.turn")

local pack, unpack = packing.pack, packing.unpack

local MOST_ARGUMENTS = 250 -- of a request: each is a place on Lua's stack

local Server = {}
Server.__index = Server

-- ---- objects --------------------------------------------------------------

-- An entry lives while it is held for a client, or is reached from another object by a proxy.

local function count_for(self, client, id, n)
  local entry = self.entries[id]
  if not entry then return end
  client.counts[id] = (client.counts[id] or 0) + n
  entry.count = entry.count + n
  self.held[id] = entry
  if entry.count > 0 then return end
  entry.until_when = core.clock() + self.linger
  table.insert(self.lingering, entry)
end

local function drop_for(self, client, id, n)
  local counted = client.counts[id]
  if not counted then return end
  n = math.min(n, counted)
  count_for(self, client, id, -n)
  if client.counts[id] == 0 then client.counts[id] = nil end
end

-- Proxies on their way to a client when the last of another was dropped have arrived by now.
local function let_go(self, now)
  while self.lingering[1] and self.lingering[1].until_when <= now do
    local entry = table.remove(self.lingering, 1)
    if entry.count == 0 and entry.until_when <= now then
      self.held[entry.id] = nil
      fault("manager.let_go")
    end
  end
end

local function local_proxy(self, entry) return proxy.here(entry.kind, self.home, entry.id, entry) end

-- A condition is made of a lock, and not of the proxy that came for it.
local function made_of(self, value)
  local id = proxy.id(value)
  return id and self.entries[id].object or value
end

local function make(self, kind, ...)
  local class = served.kind(kind)
  if not class then refusal.raise("no type '%s' is registered", tostring(kind)) end
  self.last = self.last + 1
  local object
  if class.made_of_object then object = class.new(made_of(self, ...)) else object = class.new(...) end
  if object == nil then refusal.raise("the constructor of '%s' returned nothing", kind) end
  local entry = {id = self.last, kind = kind, class = class, object = object, count = 0}
  self.entries[entry.id] = entry
  fault("manager.made")
  return local_proxy(self, entry)
end

-- What a proxy that lives here has instead of a link: what it asks for is done at once.
local function new_home(self)
  local home = {address = self.address}

  function home.request(_, id, name, ...)
    local entry = self.entries[id]
    local method = entry.class.methods[name]
    if method then return method(entry.object, ...) end
    refusal.raise("'%s' cannot be called in the manager's process", tostring(name))
  end

  function home.find(id)
    local entry = self.entries[id]
    return entry and local_proxy(self, entry)
  end

  -- It goes to a client that is being answered, and counts for it.
  function home.grant(id)
    if not self.recipient then return false end
    count_for(self, self.recipient, id, 1)
    self.granted[#self.granted + 1] = id
    fault("manager.granted")
    return true
  end

  return home
end

-- ---- answers --------------------------------------------------------------

local function drop_client(self, client)
  if client.gone then return end
  client.gone = true
  self.clients[client.fd] = nil
  self.poller:watch(client.fd)
  client.connection:close()
  for waiting in pairs(client.turns) do
    self.timed[waiting] = nil
    waiting:leave()
  end
  for object in pairs(client.held) do object:forget(client) end
  for id, count in pairs(client.counts) do count_for(self, client, id, -count) end
  fault("manager.dropped")
end

local function send(self, client, ...)
  self.recipient = client
  if self.granted[1] then self.granted = {} end
  local ok, sent, why = pcall(client.connection.send_values, client.connection, 0, ...)
  self.recipient = nil
  return ok, sent, why
end

-- Results begin with the third value of an answer.
local function unsendable(why)
  return "cannot send the result: " .. tostring(why):gsub("^%[%d+%]:? ?%.?", "")
end

-- Nobody waits for a client that does not read: what it asks next is read when it has.
local function post(self, client, serial, ...)
  local ok, sent, why = send(self, client, serial, ...)
  if not ok then
    for _, id in ipairs(self.granted) do drop_for(self, client, id, 1) end
    return post(self, client, serial, "refused", unsendable(sent))
  end
  if sent then return end
  if why ~= "timeout" then return drop_client(self, client) end
  client.slow = true
  self.poller:watch(client.fd, false, true)
end

local function answer(self, client, serial, ok, ...)
  fault("manager.done")
  if client.gone or serial == 0 then return end
  if ok then return post(self, client, serial, "done", ...) end
  local text = refusal.text((...))
  post(self, client, serial, text and "refused" or "raised", text or (...))
end

-- ---- requests to the manager itself ---------------------------------------

local own = {}

function own.claim(self, client, id) count_for(self, client, id, 1) end

function own.drop(self, client, id, n) drop_for(self, client, id, n) end

--- Whoever asked does not wait any more.
function own.cancel(self, client, serial)
  for waiting in pairs(client.turns) do
    if waiting.serial == serial then
      client.turns[waiting], self.timed[waiting] = nil, nil
      waiting:leave()
    end
  end
end

function own.make(self, _, kind, ...) return make(self, kind, ...) end

function own.knows(_, _, kind) return served.kind(kind) ~= nil end

function own.define(_, _, name, constructor, methods) served.define(name, constructor, methods) end

function own.publish(self, _, name, object)
  if object ~= nil and not proxy.id(object) then
    refusal.raise("bad argument #2 to 'publish' (proxy of this manager expected)")
  end
  self.names[name] = object
end

function own.lookup(self, _, name) return self.names[name] end

--- How many objects there are that clients have, had until just now, or find by name.
function own.count(self)
  local ids, count = {}, 0
  for id in pairs(self.held) do ids[id] = true end
  for _, object in pairs(self.names) do ids[proxy.id(object)] = true end
  for _ in pairs(ids) do count = count + 1 end
  return count
end

-- ---- requests -------------------------------------------------------------

local function begin_turn(self, client, serial, method, object, ...)
  local arguments = pack(...)
  turn.start(self, client, function(begun)
    begun.serial = serial
    answer(self, client, serial, pcall(method, object, begun, unpack(arguments, 1, arguments.n)))
  end)
end

local function call(self, client, serial, id, name, ...)
  if id == 0 then
    return answer(self, client, serial, pcall(own[name], self, client, ...))
  end
  local entry = self.entries[id]
  if not entry then return answer(self, client, serial, pcall(refusal.raise, "the object is gone")) end
  local class = entry.class
  local method = class.methods[name]
  if method then return answer(self, client, serial, pcall(method, entry.object, ...)) end
  if class.turns[name] then
    return begin_turn(self, client, serial, class.turns[name], entry.object, ...)
  end
  answer(self, client, serial,
    pcall(refusal.raise, "%s has no method '%s' that may be called", entry.kind, name))
end

local function is_request(serial, id, name, ...)
  return type(serial) == "number" and type(id) == "number" and type(name) == "string"
    and (id ~= 0 or own[name]) and select("#", ...) <= MOST_ARGUMENTS
end

-- From what recv_values gave, under pcall: was there a request? Garbage costs a client its connection.
local function heed(self, client, ok, came, ...)
  if ok and came and is_request(...) then
    fault("manager.asked")
    call(self, client, ...)
    return true
  end
  local what = ok and ... or came
  if ok and not came and what == "timeout" then return false end
  if came or not ok then log.warn("manager: a client sent no request: %s", tostring(what)) end
  drop_client(self, client)
  return false
end

-- What has come from this client.
local function hear(self, client)
  local connection = client.connection
  repeat
    local heard = heed(self, client, pcall(connection.recv_values, connection, 0))
  until not heard or client.gone or client.slow or not connection:ready()
end

local function go_on_sending(self, client)
  local sent, why = client.connection:flush(0)
  if not sent then
    if why ~= "timeout" then drop_client(self, client) end
    return
  end
  client.slow = false
  self.poller:watch(client.fd, true)
  if client.connection:ready() then hear(self, client) end
end

-- ---- turns ----------------------------------------------------------------

--- It waits from now on.
function Server:put_aside(waiting)
  waiting.client.turns[waiting] = true
  fault("manager.put_aside")
  if not waiting.deadline then return end
  self.timed[waiting] = true
  self.next_deadline = math.min(self.next_deadline, waiting.deadline)
end

--- It goes on soon, with these values.
function Server:wake(waiting, ...)
  waiting.client.turns[waiting], self.timed[waiting] = nil, nil
  self.woken[#self.woken + 1] = {waiting, pack(...)}
  fault("manager.woke")
end

--- A method raised where it must not.
function Server:report(why) log.warn("manager: %s", tostring(why)) end

local function run_woken(self)
  while self.woken[1] do
    local woken = self.woken
    self.woken = {}
    for _, each in ipairs(woken) do
      local waiting, values = each[1], each[2]
      if not waiting.client.gone then waiting:resume(unpack(values, 1, values.n)) end
    end
  end
end

local function expire(self, now)
  if now < self.next_deadline then return end
  self.next_deadline = math.huge
  for waiting in pairs(self.timed) do
    if waiting.deadline <= now then
      waiting.line:leave(waiting)
      self:wake(waiting, nil)
    else
      self.next_deadline = math.min(self.next_deadline, waiting.deadline)
    end
  end
  run_woken(self)
end

-- ---- the loop -------------------------------------------------------------

local function welcome(self)
  local ok, connection = pcall(self.listener.accept, self.listener, 0)
  if not ok or not connection then return end
  local client = {
    connection = connection, fd = connection:fileno(), turns = {}, held = {}, counts = {},
  }
  self.clients[client.fd] = client
  self.poller:watch(client.fd, true)
  fault("manager.welcomed")
end

local function respond(self, fd)
  local client = self.clients[fd]
  if client then
    (client.slow and go_on_sending or hear)(self, client)
    run_woken(self)
  elseif fd == self.listener:fileno() then
    welcome(self)
  elseif fd == self.control:fileno() then
    self.ending = true
  end
end

-- Seconds until something is due; nil: for ever.
local function patience(self)
  local first = self.lingering[1]
  local at = math.min(self.next_deadline, first and first.until_when or math.huge)
  return at < math.huge and math.max(0, at - core.clock()) or nil
end

-- How many descriptors are ready. Objects of registered types may own pools, which go on meanwhile.
local function await(self, ready)
  if not attend.is_needed() then return self.poller:wait(patience(self), ready) end
  attend.turn({self.poller:fileno()}, patience(self))
  return self.poller:wait(0, ready)
end

local function loop(self)
  local ready = {}
  while not self.ending do
    for i = 1, await(self, ready) do respond(self, ready[i]) end
    if self.lingering[1] or next(self.timed) then
      local now = core.clock()
      expire(self, now)
      let_go(self, now)
    end
  end
end

-- ---- the process ----------------------------------------------------------

-- Another manager's objects never have the same numbers, so a proxy that outlived this one finds nothing.
local function first_id()
  local a, b, c = random_bytes(3):byte(1, 3)
  return ((a * 256 + b) * 256 + c) * 2 ^ 24
end

local function new(control, door, linger)
  local self = setmetatable({
    control = control, listener = door, address = door.address, linger = linger, last = first_id(),
    poller = assert(core.poller()), clients = {}, entries = setmetatable({}, {__mode = "v"}), held = {},
    granted = {}, lingering = {}, names = {}, timed = {}, woken = {}, next_deadline = math.huge,
  }, Server)
  self.home = new_home(self)
  return self
end

local manager_server = {}

--- Serve until the other end of `control` says something or is closed. Tells it the address, or
-- false and why there is none.
function manager_server.run(control, address, key, linger)
  link.renounce()
  local door, why = listener.new{ address = address, authkey = key }
  fault("manager.listening")
  control:send({door and door.address or false, why})
  if not door then return end
  local closing = finalizer.new(function() door:close() end) -- removes its path, whatever ends this
  local self = new(control, door, linger)
  proxy.set_home(self.home)
  self.poller:watch(control:fileno(), true)
  self.poller:watch(door:fileno(), true)
  local ok, problem = pcall(loop, self)
  door:close()
  if not ok then error(problem, 0) end
  return closing
end

return manager_server
