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

-- The loop over items, outside any closure of the user's, so that `at` says
-- where it was when an error ended it.
local function run_from(server, f, shape, items, results)
  local worker = server.worker
  for i = server.at, items.n do
    server.at = i
    worker:item(i)
    results[i] = shape(f, items[i])
  end
  server.at = items.n + 1
end

-- What is left of each failure: the message and the traceback from where it was.
local function account(value)
  local ok, message = pcall(tostring, value)
  if not ok then message = "(error object cannot be converted to a string)" end
  local kind = value == "not enough memory" and "memory" or "error"
  return {kind = kind, message = message, value = value, traceback = debug.traceback("", 2)}
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

--- Run a chunk; the reply holds the seconds it took, results and failures by place.
function Server:run(number, shape, items)
  local f = self.functions:get(number)
  local results, failures = {}, {}
  local began = core.clock()
  self.at = 1
  while self.at <= items.n do
    local ok, failed = xpcall(run_from, account, self, f, SHAPES[shape], items, results)
    if not ok then
      failures[self.at] = failed
      self.at = self.at + 1
    end
  end
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
  if self.finalizer then self.finalizer() end
  return ""
end

local function dispatch(self, kind, ...) return self[kind](self, ...) end

local server = {}

--- The functions `begin` and `handle` of core.pool.
-- `functions` is inherited with whatever was defined before the fork.
function server.service(functions, options)
  local self = setmetatable({functions = functions, finalizer = options.finalizer}, Server)
  local arguments = options.initargs or {}

  local function begin(worker)
    self.worker = worker
    if options.initializer then options.initializer(unpack(arguments, 1, arguments.n)) end
  end

  local function handle(_, task)
    return dispatch(self, core.decode_trusted(task))
  end

  return begin, handle
end

return server
