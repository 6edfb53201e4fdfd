--- parallel: run Lua in many processes at once.
-- The public interface; each thing it offers lives in a file of its own, which is loaded
-- when somebody asks for it.
local core = require("parallel.core")

-- These add to what C offers, so that they are needed wherever such an object arrives.
require("parallel.shared.array")
require("parallel.shared.value")
require("parallel.sync.lock")

local parallel = {
  Event = core.event,
  JoinableQueue = core.queue,
  Pipe = core.pipe,
  Queue = core.queue,
  SimpleQueue = function() return core.queue() end,
  _VERSION = "parallel-lua 0.1.0",
  cpu_count = core.cpu_count,
  fields = core.fields,
  lines = core.lines,
  ngrams = core.ngrams,
  random_stream = core.random_stream,
  register_type = core.register_type,
  words = core.words,
}

-- Which file has which of the other names, and what it calls them.
local PLACES = {
  ["parallel.base.failure"] = {is_failure = "is"},
  ["parallel.base.log"] = {log = "set"},
  ["parallel.foreach"] = {foreach = "run"},
  ["parallel.grid"] = {grid = "new"},
  ["parallel.loader"] = {Loader = "new"},
  ["parallel.manager"] = {Manager = "new", connect = "connect"},
  ["parallel.manager.served"] = {register = "register"},
  ["parallel.mapreduce.counters"] = {counter = "add"},
  ["parallel.net.client"] = {Client = "new"},
  ["parallel.net.listener"] = {Listener = "new"},
  ["parallel.oneshot"] = {
    imap = "imap", imap_unordered = "imap_unordered", map = "map", reduce = "reduce", starmap = "starmap",
    with = "with",
  },
  ["parallel.pool"] = {Pool = "new"},
  ["parallel.pool.async_result"] = {as_completed = "as_completed"},
  ["parallel.process"] = {Process = "Process", active_children = "active_children"},
  ["parallel.process.identity"] = {
    current_process = "current", parent_process = "parent", worker_info = "worker",
  },
  ["parallel.process.interpreter"] = {set_executable = "set"},
  ["parallel.process.start_method"] = {
    get_all_start_methods = "all", get_start_method = "get", set_start_method = "set",
  },
  ["parallel.shared.array"] = {Array = "new"},
  ["parallel.shared.shared_memory"] = {SharedMemory = "new"},
  ["parallel.shared.value"] = {Value = "new"},
  ["parallel.sync.barrier"] = {Barrier = "new"},
  ["parallel.sync.condition"] = {Condition = "new"},
  ["parallel.sync.lock"] = {
    BoundedSemaphore = "BoundedSemaphore", Lock = "Lock", RLock = "RLock", Semaphore = "Semaphore",
  },
  ["parallel.wait"] = {wait = "any"},
}

local place_of = {}
for module, names in pairs(PLACES) do
  for name in pairs(names) do place_of[name] = module end
end

local function load(_, name)
  local module = place_of[name]
  if not module then return nil end
  parallel[name] = require(module)[PLACES[module][name]]
  return parallel[name]
end

-- Where Lua asks (5.4), a walk sees them all.
local function walk()
  for name in pairs(place_of) do load(parallel, name) end
  return next, parallel
end

--- The same interface with this start method in place of the default.
function parallel.get_context(method)
  local made = require("parallel.context").new(parallel, method)
  return made
end

--- Run a map-reduce job; returns a Result.
-- The job's functions run in forked workers, which inherit everything that
-- they refer to: nothing is sent.
function parallel.mapreduce(job)
  if type(job) ~= "table" then
    error(("bad argument #1 to 'mapreduce' (table expected, got %s)"):format(type(job)), 2)
  end
  local made = require("parallel.mapreduce").run(job, 2) -- a tail call would take a level from the stack
  return made
end

return setmetatable(parallel, {__index = load, __pairs = walk})
