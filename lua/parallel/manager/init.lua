--- manager: a process that keeps objects which any number of others share through proxies.
local authkey = require("parallel.process.authkey")
local check = require("parallel.base.check")
local core = require("parallel.core")
local finalizer = require("parallel.base.finalizer")
local hidden = require("parallel.base.hidden")
local link = require("parallel.manager.link")
local manager_server = require("parallel.manager.server")
local new_path = require("parallel.net.new_path")
local process = require("parallel.process")
local served = require("parallel.manager.served")

local LINGER = 5 -- seconds that an object is kept when nobody has a proxy: one may be on its way
local GRACE = 5 -- seconds to end in

local Manager = {}

-- ---- its process ----------------------------------------------------------

local running = setmetatable({}, {__mode = "k"}) -- those that this process started and has not ended

-- True when that was to be done here.
local function stop(server)
  local control = hidden.take(server.control)
  running[server] = nil
  if server.owner ~= core.pid() or not control then return false end
  pcall(control.send, control, "end")
  control:close()
  if not server.process:join(GRACE) then
    server.process:kill()
    server.process:join()
  end
  server.process:close()
  return true
end

process.at_exit(function()
  for server in pairs(running) do stop(server) end
end)

local function start(address, key, linger)
  local ours, theirs = core.pipe()
  local child = process.Process{
    target = manager_server.run, args = {theirs, address, key, linger}, daemon = true, name = "manager",
  }
  child:start()
  theirs:close()
  local answer = ours:recv() or {false, "the manager's process has died"}
  local server = {process = child, owner = core.pid(), control = hidden.put(ours)}
  running[server] = true
  if answer[1] then return server, answer[1] end
  stop(server)
  return nil, answer[2]
end

-- ---- the manager ----------------------------------------------------------

local function check_open(self)
  if self._closed then check.fail("attempt to use a closed manager") end
  return self._link
end

-- A type that was registered in this program only is made known there.
local function introduce(to, kind)
  local class = served.kind(kind)
  if not class or not class.defined or to:request(0, "knows", kind) then return end
  to:request(0, "define", kind, class.new, class.names or nil)
end

-- manager:dict{...} and its kin: a proxy of a new object of that kind.
local function constructor(kind)
  return function(self, ...)
    local to = check_open(self)
    introduce(to, kind)
    return (to:request(0, "make", kind, ...))
  end
end

local constructors = setmetatable({}, {__index = function(made, kind)
  if type(kind) ~= "string" or kind:find("^_") then return nil end
  made[kind] = constructor(kind)
  return made[kind]
end})

function Manager.__index(_, name) return Manager[name] or constructors[name] end

--- Have others find the object by this name; nil takes the name away.
function Manager:publish(name, object)
  check.type(name, "string", 1, "publish")
  check_open(self):request(0, "publish", name, object)
end

--- The object that was published by this name, or nil.
function Manager:lookup(name)
  check.type(name, "string", 1, "lookup")
  return (check_open(self):request(0, "lookup", name))
end

--- How many objects there are that processes have, had until just now, or find by name.
function Manager:count() return (check_open(self):request(0, "count")) end

Manager.__len = Manager.count

--- In the process that started it: end it, with all that it keeps. Elsewhere it is of no more use
-- here. Twice is harmless.
function Manager:close()
  if self._closed then return end
  self._closed = true
  if self._server and stop(self._server) then self._link:finish() end
end

Manager.__close = Manager.close
Manager.shutdown = Manager.close

function Manager:__tostring() return ("manager at %s"):format(self.address) end

-- ---- making one -----------------------------------------------------------

local function new(to, server)
  local made = setmetatable(
    {address = to.address, _link = to, _server = server or false, _closed = false}, Manager)
  return made
end

local OPTIONS = {address = true, authkey = true, linger = true}
local CONNECT = {address = true, authkey = true}

local manager = {}

--- Start a manager. Options: address (a path, or "host:port"; default: a new path), authkey (see
-- Listener), linger (seconds that an object is kept once no process has a proxy of it: one may be on its
-- way; default 5). It ends when it is closed, when neither it nor a proxy is left in this process, and
-- with this process. nil, message when nobody can listen at that address.
function manager.new(options)
  options = options or {}
  check.options(options, OPTIONS, 1, "Manager")
  local address = options.address
  if address ~= nil then authkey.check_address(address, "Manager") else address = new_path() end
  check.time_option(options, "linger", 1, "Manager")
  local key = authkey.of_option(options.authkey, "Manager")
  local server, where = start(address, key, options.linger or LINGER)
  if not server then return nil, where end
  local to, why = link.connect(where, key)
  if not to then
    stop(server)
    return nil, why
  end
  to.owning = finalizer.new(function() stop(server) end) -- as long as a proxy or the manager is used
  return new(to, server)
end

--- The manager that another program started: {address =, authkey =}. nil, message when it
-- cannot be reached.
function manager.connect(options)
  check.options(options, CONNECT, 1, "connect")
  authkey.check_address(options.address, "connect")
  local to, why = link.connect(options.address, authkey.of_option(options.authkey, "connect"))
  if not to then return nil, why end
  return new(to)
end

return manager
