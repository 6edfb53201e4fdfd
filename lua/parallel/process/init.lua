--- process: one function in a process of its own, as multiprocessing.Process in Python.
--
-- The child is a fork: it has all that was there when it was started. Of open files and
-- connections it keeps those that its function, its arguments and the globals lead
-- to; it reads nothing from stdin. A parent that ends waits for its children,
-- unless they are daemons: those are told to end.
local attend = require("parallel.base.attend")
local authkey = require("parallel.process.authkey")
local check = require("parallel.base.check")
local core = require("parallel.core")
local identity = require("parallel.process.identity")
local log = require("parallel.base.log")
local packing = require("parallel.base.packing")

local unpack = packing.unpack

-- ---- names ----------------------------------------------------------------

local ancestry, made = "", 0 -- "2:" in the second child of the main process

local function new_name()
  made = made + 1
  return ("Process-%s%d"):format(ancestry, made), made
end

-- ---- os.exit --------------------------------------------------------------

local exit_is_ours = false
local at_exit = {}

-- It ends a process without closing the Lua state, which would wait for the children.
local function watch_exit()
  if exit_is_ours or identity.parent() then return end -- children have an os.exit of their own
  exit_is_ours = true
  local exit = os.exit
  os.exit = function(...) -- luacheck: ignore 122
    for _, f in ipairs(at_exit) do f() end
    core.end_children()
    return exit(...)
  end
end

-- ---- the class ------------------------------------------------------------

local Process = {}

local function check_open(self)
  if self._closed then check.fail("attempt to use a closed process") end
end

local function check_started(self)
  check_open(self)
  if not self._child then check.fail("the process has not been started") end
  return self._child
end

--- What the child does; subclasses have their own.
function Process:run()
  if self._target then self._target(unpack(self._args, 1, self._args.n)) end
end

-- In the child, before anything else; returns the name to go with an error.
local function preparation(self, number)
  local descent = identity.descent()
  return function()
    ancestry, made = ancestry .. number .. ":", 0
    self._pid = core.pid()
    identity.become(descent, self.name, self.daemon)
    core.title(self.name)
    log.name_process(self.name)
    log.info("starts")
    return self.name
  end
end

-- What is called in the child, and with what.
local function task_of(self)
  if rawequal(self.run, Process.run) and self._target then
    return self._target, unpack(self._args, 1, self._args.n)
  end
  return self.run, self
end

--- Start it, once.
function Process:start()
  check_open(self)
  if self._child then check.fail("a process can be started only once") end
  watch_exit()
  local child, why = core.start_child(self, self.daemon, preparation(self, self._number), task_of(self))
  if not child then check.fail(why) end
  -- It has them; held here, they would keep what they hold open.
  self._child, self._pid, self._target, self._args = child, child:pid(), nil, nil
end

--- Wait for its end: true, or nil, "timeout" after so many seconds.
function Process:join(timeout)
  check.optional_time(timeout, 1, "join")
  local child, deadline = check_started(self), timeout and core.clock() + timeout
  while attend.is_needed() and child:exitcode() == nil do
    timeout = deadline and deadline - core.clock()
    if timeout and timeout <= 0 then break end
    attend.turn({child:sentinel()}, timeout)
  end
  if child:wait(deadline and math.max(0, deadline - core.clock())) then return true end
  return nil, "timeout"
end

--- Has it been started, and not ended?
function Process:is_alive()
  check_open(self)
  return self._child ~= nil and self._child:exitcode() == nil
end

--- SIGTERM, which ends it unless it has decided otherwise.
function Process:terminate() check_started(self):terminate() end

--- SIGKILL, to it and the programs that it started.
function Process:kill() check_started(self):kill() end

--- Raise an error in its Lua code, wherever that is. Like any it may be caught there.
function Process:interrupt() check_started(self):interrupt() end

--- A descriptor that becomes readable when it ends, for parallel.wait.
function Process:fileno()
  return check_started(self):sentinel()
end

--- Give up its sentinel; for one that has ended, or was never started. Twice is harmless.
function Process:close()
  if self._closed then return end
  if self:is_alive() then check.fail("cannot close a process that still runs: join or terminate it") end
  if self._child then self._child:close() end
  self._closed = true
end

--- A class of processes with a `run`, and other methods, of its own:
-- Downloader = parallel.Process:extend(); function Downloader:run() ... end
function Process:extend()
  local class = setmetatable({}, {__index = self, __call = getmetatable(self).__call})
  class._meta = self._meta
  return class
end

-- ---- fields ---------------------------------------------------------------

-- What is looked up each time it is asked for.
local FIELDS = {}

function FIELDS.pid(self) return rawget(self, "_pid") end

function FIELDS.exitcode(self)
  local child = rawget(self, "_child")
  return child and child:exitcode()
end

function FIELDS.sentinel(self) return rawget(self, "_child") and self:fileno() end

function FIELDS.daemon(self) return rawget(self, "_daemon") end

function FIELDS.authkey(self) return rawget(self, "_authkey") or authkey.get() end

local function set_daemon(self, daemon)
  if self._child then check.fail("a process can become a daemon only before it is started") end
  check.type(daemon, "boolean", 1, "daemon")
  self._daemon = daemon
end

local function get(self, name)
  local field = FIELDS[name]
  if field then return field(self) end
  return rawget(self, "_class")[name]
end

local function set(self, name, value)
  if name == "daemon" then return set_daemon(self, value) end
  if name == "authkey" then name = "_authkey" end
  if FIELDS[name] then check.fail(("the field '%s' of a process cannot be set"):format(name)) end
  rawset(self, name, value)
end

local function to_string(self)
  if not self._child then return ("process %s (not started)"):format(self.name) end
  local state = self._closed and "closed" or self:is_alive() and "running"
    or ("ended with %d"):format(self.exitcode)
  return ("process %s (pid %d, %s)"):format(self.name, self._pid, state)
end

-- At the end of a block: joins it, or terminates it first when an error ended the block.
local function close_block(self, problem)
  if self._child and not self._closed then
    if problem ~= nil then self:terminate() end
    self:join()
  end
  self:close()
end

Process._meta = {__index = get, __newindex = set, __tostring = to_string, __close = close_block}

-- ---- making one -----------------------------------------------------------

local OPTIONS = {target = "function", args = "table", name = "string", daemon = "boolean"}

-- A subclass's own options are its fields.
local function divide(class, options)
  if class == Process then return options, {} end
  local ours, fields = {}, {}
  for name, value in pairs(options) do
    local to = OPTIONS[name] and ours or fields
    to[name] = value
  end
  return ours, fields
end

local function from_options(self, given)
  local options, fields = divide(self._class, given)
  check.options(options, OPTIONS, 1, "Process")
  for name, value in pairs(fields) do self[name] = value end
  local arguments = options.args or {}
  check.count(arguments, "args", 1, "Process")
  rawset(self, "_target", options.target)
  rawset(self, "_args", packing.pack(unpack(arguments, 1, arguments.n or #arguments)))
  rawset(self, "_daemon", options.daemon or false)
  rawset(self, "name", options.name or self.name)
end

-- Process(f, ...), Process{target = f, args = {...}, name =, daemon =}, Class{...}, Class()
local function construct(class, first, ...)
  local name, number = new_name()
  local self = setmetatable({_class = class, _number = number, _daemon = false}, class._meta)
  rawset(self, "name", name)
  if type(first) == "table" then
    from_options(self, first)
  elseif first ~= nil or class == Process then
    check.type(first, "function", 1, "Process")
    rawset(self, "_target", first)
    rawset(self, "_args", packing.pack(...))
  end
  return self
end

setmetatable(Process, {__call = construct})
core.register_type("parallel.process", Process) -- for functions that capture it

local process = {}

process.Process = Process

--- From now on os.exit of the main process calls f() first, if it has ever started a child.
function process.at_exit(f) at_exit[#at_exit + 1] = f end

--- The processes that this one started and that still run, as a list; takes note
-- of those that have ended.
function process.active_children() return core.children() end

return process
