--- parallel: run Lua in many processes at once.
-- The public interface; each thing it offers lives in a file of its own.
local array = require("parallel.shared.array")
local async_result = require("parallel.pool.async_result")
local barrier = require("parallel.sync.barrier")
local client = require("parallel.net.client")
local condition = require("parallel.sync.condition")
local context = require("parallel.context")
local core = require("parallel.core")
local counters = require("parallel.mapreduce.counters")
local failure = require("parallel.base.failure")
local foreach = require("parallel.foreach")
local grid = require("parallel.grid")
local identity = require("parallel.process.identity")
local interpreter = require("parallel.process.interpreter")
local loader = require("parallel.loader")
local listener = require("parallel.net.listener")
local lock = require("parallel.sync.lock")
local log = require("parallel.base.log")
local manager = require("parallel.manager")
local mapreduce = require("parallel.mapreduce")
local oneshot = require("parallel.oneshot")
local pool = require("parallel.pool")
local process = require("parallel.process")
local served = require("parallel.manager.served")
local shared_memory = require("parallel.shared.shared_memory")
local start_method = require("parallel.process.start_method")
local value = require("parallel.shared.value")
local wait = require("parallel.wait")

local parallel = {
  Array = array.new,
  Barrier = barrier.new,
  BoundedSemaphore = lock.BoundedSemaphore,
  Client = client.new,
  Condition = condition.new,
  Event = core.event,
  JoinableQueue = core.queue,
  Loader = loader.new,
  Listener = listener.new,
  Lock = lock.Lock,
  Manager = manager.new,
  Pipe = core.pipe,
  Pool = pool.new,
  Process = process.Process,
  Queue = core.queue,
  RLock = lock.RLock,
  Semaphore = lock.Semaphore,
  SharedMemory = shared_memory.new,
  SimpleQueue = function() return core.queue() end,
  Value = value.new,
  _VERSION = "parallel-lua 0.1.0",
  active_children = process.active_children,
  as_completed = async_result.as_completed,
  connect = manager.connect,
  counter = counters.add,
  cpu_count = core.cpu_count,
  current_process = identity.current,
  fields = core.fields,
  foreach = foreach.run,
  grid = grid.new,
  get_all_start_methods = start_method.all,
  get_start_method = start_method.get,
  is_failure = failure.is,
  lines = core.lines,
  log = log.set,
  ngrams = core.ngrams,
  imap = oneshot.imap,
  imap_unordered = oneshot.imap_unordered,
  map = oneshot.map,
  parent_process = identity.parent,
  random_stream = core.random_stream,
  reduce = oneshot.reduce,
  register = served.register,
  register_type = core.register_type,
  set_executable = interpreter.set,
  set_start_method = start_method.set,
  starmap = oneshot.starmap,
  wait = wait.any,
  with = oneshot.with,
  words = core.words,
  worker_info = identity.worker,
}

--- The same interface with this start method in place of the default.
function parallel.get_context(method)
  local made = context.new(parallel, method)
  return made
end

--- Run a map-reduce job; returns a Result.
-- The job's functions run in forked workers, which inherit everything that
-- they refer to: nothing is sent.
function parallel.mapreduce(job)
  if type(job) ~= "table" then
    error(("bad argument #1 to 'mapreduce' (table expected, got %s)"):format(type(job)), 2)
  end
  local made = mapreduce.run(job, 2) -- a tail call would take a level from the stack
  return made
end

return parallel
