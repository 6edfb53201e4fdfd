--- server: the worker side of a Pool: runs the items of a chunk one after the other.
--
-- A chunk is one function and a list of items, the arguments of one run each.
-- An error costs the item at which it happened; the next one goes on.
local core = require("parallel.core")

local pack = table.pack or function(...) return {n = select("#", ...), ...} end
local unpack = table.unpack or unpack

local Server = {}
Server.__index = Server

-- How an item becomes arguments, and what f returns a result.
local SHAPES = {
  one = function(f, item) return (f(item)) end,                        -- map
  tuple = function(f, item) return (f(unpack(item, 1, item.n))) end,   -- starmap
  all = function(f, item)                                              -- apply: encoded before
    local arguments = core.decode_trusted(item)
    return pack(f(unpack(arguments, 1, arguments.n)))
  end,
}

-- The same numbers for an item whoever runs it, and as parallel.random_stream on Lua 5.4.
function Server:reseed(index)
  if rawget(_G, "jit") then
    math.randomseed(core.random_stream(self.seed, index)())
  else
    math.randomseed(self.seed, index)
  end
end

-- The loop over items, outside any closure of the user's, so that `at` says
-- where it was when an error ended it.
local function run_from(server, f, shape, items, first, last, results)
  local worker = server.worker
  for i = server.at, last do
    server.at = i
    worker:item(i)
    if server.seed then server:reseed(first + i - 1) end
    results[i] = shape(f, items[i])
  end
  worker:ended()
  server.at = last + 1
end

-- What is left of each failure: the message and the traceback from where it was.
-- One that was stopped from outside fails in that way, whatever it made of the error.
local function account(worker, value)
  local stopped, place = worker:ended()
  local ok, message = pcall(tostring, value)
  if not ok then message = "(error object cannot be converted to a string)" end
  local kind = stopped and "stopped" or value == "not enough memory" and "memory" or "error"
  return {kind = kind, message = message, value = value, place = place,
          traceback = debug.traceback("", 2)}
end

local function sendable(value) return (pcall(core.encode, value)) end

-- Some result cannot be sent: the others still are.
local function encode_one_by_one(results, failures, count, elapsed)
  for i = 1, count do
    local ok, why = pcall(core.encode, results[i])
    if not ok then
      results[i] = nil
      failures[i] = {kind = "unsendable", message = "result" .. why}
    end
  end
  for _, failed in pairs(failures) do
    if not sendable(failed.value) then failed.value = nil end
  end
  return core.encode(elapsed, results, failures)
end

-- One that Lua had no memory for comes without an account. From now on there is
-- some again, to tell of it, and the worker leaves.
local function out_of_memory(server, message)
  if server.worker:exceeded() then server.budget = 0 end
  server.worker:ended()
  return {kind = "memory", message = tostring(message)}
end

-- Items that this worker may not run any more are left to another.
local function retire(server, ran, items, failures)
  server.budget = server.budget - ran
  if server.budget > 0 and not server.worker:exceeded() then return end
  if ran < items.n then failures[ran + 1] = {kind = "left"} end
  server.worker:retire()
end

--- Run a chunk; the reply holds the seconds it took, results and failures by place.
function Server:run(number, shape, items, first)
  local f = self.functions:get(number)
  local results, failures = {}, {}
  local began = core.clock()
  self.at = 1
  local last = math.min(items.n, self.budget)
  while self.at <= last do
    local ok, failed = xpcall(run_from, self.account, self, f, SHAPES[shape], items, first, last, results)
    if not ok then
      if type(failed) ~= "table" then
        failed = out_of_memory(self, failed)
        if self.budget == 0 then last = self.at end
      end
      results[self.at], failures[self.at] = nil, failed
      self.at = self.at + 1
    end
  end
  retire(self, last, items, failures)
  local elapsed = core.clock() - began
  local ok, reply = pcall(core.encode, elapsed, results, failures)
  return ok and reply or encode_one_by_one(results, failures, items.n, elapsed)
end

function Server:define(number, bytes)
  self.functions:defined(number, bytes)
  return ""
end

function Server:forget(number)
  self.functions:forgotten(number)
  return ""
end

function Server:finish()
  local finalizer = self.finalizer
  self.finalizer = nil -- once, however the worker comes to leave
  if finalizer then finalizer() end
  return ""
end

local function dispatch(self, kind, ...) return self[kind](self, ...) end

local function warn(done, why)
  if not done then io.stderr:write("parallel-lua: ", why, "\n") end
end

local function prepare_process(worker, options)
  core.title(("%s worker %d"):format(options.name or "pool", worker:index()))
  if options.nice then warn(core.nice(options.nice)) end
  if options.pin then warn(core.pin(worker:index())) end
end

local server = {}

--- The functions `begin`, `handle` and `finish` of core.pool.
-- `functions` is inherited with whatever was defined before the fork.
function server.service(functions, options)
  local self = setmetatable({functions = functions, finalizer = options.finalizer, seed = options.seed,
                             budget = options.tasks_per_worker or math.huge}, Server)
  local arguments = options.initargs or {}

  local function begin(worker)
    self.worker = worker
    if not worker.here then prepare_process(worker, options) end
    self.account = function(value) return account(worker, value) end
    if options.initializer then options.initializer(unpack(arguments, 1, arguments.n)) end
  end

  local function handle(_, task)
    return dispatch(self, core.decode_trusted(task))
  end

  return begin, handle, function() self:finish() end
end

return server
