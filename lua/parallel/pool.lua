--- pool: a number of worker processes, and functions to run in them.
local async_result = require("parallel.async_result")
local check = require("parallel.check")
local core = require("parallel.core")
local crew = require("parallel.crew")
local failure = require("parallel.failure")
local gathered = require("parallel.gathered")
local identity = require("parallel.identity")
local job = require("parallel.job")
local mapping = require("parallel.mapping")
local mapreduce = require("parallel.mapreduce")
local packing = require("parallel.packing")
local progress = require("parallel.progress")
local singles = require("parallel.singles")
local start_method = require("parallel.start_method")

local pack, unpack = packing.pack, packing.unpack
local SLICE = 256 -- items that reduce folds in a worker at once
local GRACE = 10 -- seconds that the workers have to end when the pool is closed
local ON_ERROR = {"raise", "collect", "skip"}

local Pool = {}

Pool.__index = Pool -- and `pool.workers` is how many there are

-- ---- who may use it, and when ---------------------------------------------

local pid = core.pid

local function check_owner(self)
  if self.owner ~= pid() then
    check.fail(("this pool belongs to process %d"):format(self.owner))
  end
end

local function check_open(self)
  if self.owner ~= pid() then check_owner(self) end
  if self.closed then check.fail("attempt to use a closed pool") end
end

-- ---- working --------------------------------------------------------------

--- Take outcomes until ready() says so or the time is up; true in the first case.
-- Callbacks run in here.
function Pool:work_until(ready, timeout)
  check_owner(self)
  local deadline = timeout and core.clock() + math.max(timeout, 0)
  while not ready() do
    local left = deadline and math.max(0, deadline - core.clock())
    if not self.crew:step(left) and (left == 0 or not self.crew:busy()) then return ready() end
  end
  return true
end

--- Take what outcomes there are, without waiting.
function Pool:work() while self.crew:step(0) do end end

-- ---- one task -------------------------------------------------------------

local function capture(self, f)
  local known = self.crew.functions:unchanging(f)
  if known then return known end
  local ok, version = pcall(self.crew.functions.take, self.crew.functions, f)
  if ok then return version end
  error(failure.new({kind = "unsendable", message = "function: " .. tostring(version)}), 0)
end

local function submit(self, f, ...)
  local workers, result = self.crew, self.singles:add(capture(self, f), ...)
  if workers.holding < workers.most then workers:pump() end
  return result
end

--- Start f(...) in a worker; returns an AsyncResult.
function Pool:submit(f, ...)
  check_open(self)
  if type(f) ~= "function" then check.callable(f, 1, "submit") end
  return submit(self, f, ...)
end

--- The same with the arguments in a list, and options: callback, error_callback,
-- retries, timeout, label.
function Pool:apply_async(f, arguments, options)
  check_open(self)
  check.callable(f, 1, "apply_async")
  arguments, options = arguments or {}, options or {}
  check.type(arguments, "table", 2, "apply_async")
  check.whole_option(options, "retries", 0, 3, "apply_async")
  check.time_option(options, "timeout", 3, "apply_async")
  local result = self.singles:add_with({
    callback = options.callback, error_callback = options.error_callback,
    retries = options.retries, timeout = options.timeout, label = options.label,
  }, capture(self, f), unpack(arguments, 1, arguments.n or #arguments))
  self.crew:pump()
  return result
end

--- f(...) in a worker; returns its results, or raises its Failure.
function Pool:apply(f, ...)
  check_open(self)
  check.callable(f, 1, "apply")
  return submit(self, f, ...):get()
end

-- ---- many items -----------------------------------------------------------

local function start(self, shape, f, items, options, receive)
  local version = capture(self, f)
  local source = mapping.new(self.workers, version, shape, items, options, receive)
  self.crew:add(source)
  self.crew:pump()
  return source
end

-- Once, though an iterator may be asked again after its end.
local function finish(self, source)
  if not self.crew:remove(source) then return end
  self.crew.functions:release(source.version)
end

local function check_mapping(name, f, items, options)
  check.callable(f, 1, name)
  check.items(items, 2, name)
  check.whole_option(options, "chunksize", 1, 3, name)
  check.whole_option(options, "window", 1, 3, name)
  check.whole_option(options, "retries", 0, 3, name)
  check.time_option(options, "timeout", 3, name)
  check.choice_option(options, "on_error", ON_ERROR, 3, name)
end

local function new_meter(options, source)
  return options.progress and progress.new(options.progress, source.total or 0, false)
end

local function map(self, shape, f, items, options)
  local results = gathered.new(options, items)
  local source = start(self, shape, f, items, options, results.receive)
  source.list = results.list
  local meter = new_meter(options, source)
  local function ended()
    if meter then meter:update(source.finished, self) end
    return source:ended()
  end
  local ok, why = pcall(self.work_until, self, ended)
  finish(self, source)
  if not ok then
    source:stop()
    error(why, 0)
  end
  if meter then meter:finish(source.finished) end
  local list, problem = results:outcome(source)
  if problem then error(problem, 0) end
  return list
end

-- An AsyncResult that settles when the source has ended.
local function map_async(self, shape, f, items, options)
  local results = gathered.new(options, items)
  local canceller, began = {}, core.clock()
  local result = setmetatable({
    callback = options.callback, error_callback = options.error_callback, label = options.label,
  }, async_result.class(self, canceller))
  local source
  local function settle_at_end()
    if not source or not source:ended() or result:has_ended() then return end
    finish(self, source)
    local list, problem = results:outcome(source)
    if problem then result:settle(nil, problem, began) else result:settle(pack(list), nil, began) end
  end
  local function receive(...)
    results.receive(...)
    settle_at_end()
  end
  source = start(self, shape, f, items, options, receive)
  source.list, source.listed = results.list, settle_at_end
  function canceller.give_up()
    source:cancel(function() return failure.new({kind = "cancelled", message = "the map was cancelled"}) end)
    self.crew:cancel_all(source)
    settle_at_end()
    return true
  end
  settle_at_end()
  return result
end

-- An iterator of number, result; in order, or as they come.
local function imap(self, shape, f, items, options, ordered)
  local ready, first, last = {}, 1, 0
  local function receive(number, ok, value)
    last = last + 1
    ready[ordered and number or last] = {number = number, ok = ok, value = value}
  end
  options.window = options.window or math.huge
  local source = start(self, shape, f, items, options, receive)
  local function have_next() return ready[first] ~= nil or source:ended() end
  return function()
    while true do
      self:work_until(have_next)
      local one = ready[first]
      if not one then
        finish(self, source)
        local problem = source.cancelled or source.input_error
        if problem then error(problem, 0) end
        return nil
      end
      ready[first] = nil
      first = first + 1
      source.consumed = source.consumed + 1
      if one.ok or options.on_error == "collect" then return one.number, one.value end
      if options.on_error ~= "skip" then error(one.value, 0) end
    end
  end
end

local FORMS = {map = "one", starmap = "tuple"}

for name, shape in pairs(FORMS) do
  --- The results of f for each item, as a list in the order of the items, with field n.
  Pool[name] = function(self, f, items, options)
    check_open(self)
    options = options or {}
    check_mapping(name, f, items, options)
    return map(self, shape, f, items, options)
  end

  --- The same as an AsyncResult of that list.
  Pool[name .. "_async"] = function(self, f, items, options)
    check_open(self)
    options = options or {}
    check_mapping(name .. "_async", f, items, options)
    return map_async(self, shape, f, items, options)
  end
end

local function copy(options)
  local made = {}
  for name, value in pairs(options or {}) do made[name] = value end
  return made
end

--- Iterate over number, result in the order of the items, which are read lazily.
function Pool:imap(f, items, options)
  check_open(self)
  check_mapping("imap", f, items, options or {})
  return imap(self, "one", f, items, copy(options), true)
end

--- The same in the order in which they are ready.
function Pool:imap_unordered(f, items, options)
  check_open(self)
  check_mapping("imap_unordered", f, items, options or {})
  return imap(self, "one", f, items, copy(options), false)
end

--- Run f on each item for its effect; returns how many there were.
function Pool:each(f, items, options)
  check_open(self)
  check_mapping("each", f, items, options or {})
  local count = 0
  for _ in imap(self, "one", f, items, copy(options), false) do count = count + 1 end
  return count
end

-- Lists of so many items each, of a list or an iterator.
local function slices(items, size)
  local pull = mapping.puller(items)
  return function()
    local slice, n = {}, 0
    while n < size do
      local more, item = pull()
      if not more then break end
      n = n + 1
      slice[n] = item
    end
    slice.n = n
    return n > 0 and slice or nil
  end
end

--- Fold the items with f(a, b), which need be associative only: parts are folded
-- in the workers and joined in order. Options: init, final. An empty input
-- without init raises.
function Pool:reduce(f, items, options)
  check_open(self)
  options = options or {}
  check_mapping("reduce", f, items, options)
  local parts = map(self, "fold", f, slices(items, options.chunksize or SLICE), {})
  if parts.n == 0 and options.init == nil then check.fail("reduce of an empty input without init") end
  local folded, first = options.init, 1
  if folded == nil then folded, first = parts[1], 2 end
  for i = first, parts.n do folded = f(folded, parts[i]) end
  if options.final then folded = options.final(folded) end
  return folded
end

--- Run a map-reduce job with as many workers; returns its Result.
function Pool:mapreduce(fields)
  check_open(self)
  check.type(fields, "table", 1, "mapreduce")
  local with_workers = copy(fields)
  with_workers.workers = with_workers.workers or math.max(1, self.workers)
  with_workers.start_method = with_workers.start_method or self.crew.options.start_method
  return mapreduce.run(with_workers)
end

--- f(...) once on every worker; a list of the results by worker.
function Pool:broadcast(f, ...)
  check_open(self)
  check.callable(f, 1, "broadcast")
  local version, results, waiting, problem = capture(self, f), {}, self.crew.workers, nil
  local call, parts, parcels = core.calls(), {}, {}
  local arguments, parcel = core.encode_trusted(...)
  call:append(arguments)
  self.crew:tell_each(function(kind, worker, detail, came)
    parcels[worker] = came or parcels[worker] -- at most one: there is one result
    if kind == "part" then
      parts[worker] = (parts[worker] or "") .. detail
      return
    end
    waiting = waiting - 1
    if kind ~= "result" then
      problem = problem or failure.new({
        kind = kind == "death" and "died" or "error", worker = worker, pid = detail.pid,
        message = detail.message, traceback = detail.traceback, signal = detail.signal,
        exitcode = detail.exitcode})
      return
    end
    local values = {}
    local _, failures = core.outcomes((parts[worker] or "") .. detail, values, 0, 0, 1, parcels[worker], true)
    if failures then
      failures[1].worker = worker
      if self.workers > 0 then failures[1].message = self.crew:explain(failures[1].message) end
      problem = problem or failure.new(failures[1])
    end
    results[worker] = values[1] and values[1][1]
  end, parcel, "run", version.number, "calls", call:bytes(), 1)
  self:work_until(function() return waiting == 0 end)
  self.crew.functions:release(version)
  if problem then error(problem, 0) end
  return results
end

-- ---- the pool itself ------------------------------------------------------

--- A table of figures: workers, busy, queued, done, failed, retried, deaths, bytes_sent,
-- bytes_received, and by worker {pid, tasks, busy_seconds, memory}.
function Pool:stats()
  check_open(self)
  local stats = self.crew:stats()
  stats.queued = stats.queued + self.singles:count()
  return stats
end

--- From now on so many workers; what runs is not disturbed.
function Pool:resize(workers)
  check_open(self)
  check.type(workers, "number", 1, "resize")
  check.whole_option({workers = workers}, "workers", 1, 1, "resize")
  if self.workers == 0 then check.fail("a pool without workers cannot be resized") end
  self.crew:resize(workers)
  self.workers = workers
end

-- ---- event loops of others ------------------------------------------------

--- A descriptor that is readable when `step` has something to do; nil without workers.
function Pool:pollfd()
  check_open(self)
  return self.crew.transport:descriptor()
end

--- What to poll it for, as cqueues wants it said.
function Pool:events() return self.closed and "" or "r" end

--- The seconds after which `step` has something to do in any case, or nil.
function Pool:timeout()
  check_open(self)
  return self.crew.transport:timeout()
end

--- Take what has happened, without waiting; callbacks run in here.
function Pool:step()
  check_open(self)
  self:work()
end

--- How many workers there are.
function Pool:count() return self.workers end

--- No new tasks: what was submitted is run, then the workers end. Twice is harmless.
function Pool:close()
  if self.closed then return end
  check_owner(self)
  self.closed = true
  self:work_until(function() return not self.crew:busy() and not self.singles:wants() end)
  self.crew:leave(GRACE)
end

local function cancelled() return failure.new({kind = "cancelled", message = "the pool was terminated"}) end

--- End the workers now; what has no result yet becomes a Failure of kind "cancelled".
function Pool:terminate()
  if self.terminated then return end
  check_owner(self)
  self.closed, self.terminated = true, true
  self.crew:close()
  self.singles:cancel(cancelled)
  for _, source in ipairs(self.crew.sources) do
    if source ~= self.singles then source:cancel(cancelled) end
  end
  self.crew.held, self.crew.again = {}, {}
end

--- Wait for the workers' end, after close or terminate, which have waited already: true.
function Pool:join()
  check_owner(self)
  if not self.closed then check.fail("join: the pool is still open") end
  return true
end

-- Drains at the end of a block, terminates when an error ended it.
function Pool.__close(self, problem)
  if problem ~= nil then self:terminate() else self:close() end
end

Pool.__len = Pool.count

-- What an initializer raises is raised here, not at the first task.
function Pool:await_first_workers()
  local ok, why = pcall(self.broadcast, self, function() end)
  if ok then return end
  self:terminate()
  error(why, 0)
end

-- ---- making one -----------------------------------------------------------

local OPTIONS = {tasks_per_worker = "number", memory_per_worker = "number or string",
                 retry_errors = "boolean",
                 seed = "number", nice = "number", pin = "boolean",
                 start_method = "string", workers = "number", initializer = "function", initargs = "table",
                 finalizer = "function", retries = "number", timeout = "number", name = "string"}

local function check_options(options)
  for name, value in pairs(options) do
    if not OPTIONS[name] then
      check.fail(("bad argument #1 to 'Pool' (unknown option '%s')"):format(tostring(name)))
    end
    if not OPTIONS[name]:find(type(value), 1, true) then
      check.fail(("bad argument #1 to 'Pool' (%s must be a %s, got %s)"):format(
        name, OPTIONS[name], type(value)))
    end
  end
end

local pool = {}

--- Make a pool whose workers inherit the function f, with all that it captures, for
-- the one call that is to follow. Options as in `new`; f may be nil.
function pool.inheriting(f, options)
  if options == nil then options = {} end
  if type(options) == "number" then options = {workers = options} end
  check.type(options, "table", 1, "Pool")
  check_options(options)
  options = copy(options)
  check.whole_option(options, "retries", 0, 1, "Pool")
  check.whole_option(options, "seed", -2 ^ 53, 1, "Pool")
  check.whole_option(options, "nice", -20, 1, "Pool")
  check.whole_option(options, "tasks_per_worker", 1, 1, "Pool")
  check.size_option(options, "memory_per_worker", 1, "Pool")
  if options.memory_per_worker and jit then
    check.fail("bad argument #1 to 'Pool' (memory_per_worker is not available with LuaJIT)")
  end
  check.time_option(options, "timeout", 1, "Pool")
  start_method.check(options.start_method)
  local workers = options.workers == 0 and 0 or job.workers(options.workers)
  if workers == 0 then options.tasks_per_worker = nil end -- there is none to replace
  if workers > 0 then identity.check_nesting() end
  local made = setmetatable({owner = core.pid(), workers = workers}, Pool)
  made.crew = crew.open(workers, options, f)
  made.pids = made.crew.pids
  made.singles = singles.new(made)
  made.crew:add(made.singles)
  if options.initializer and workers > 0 then made:await_first_workers() end
  return made
end

--- Make a pool: parallel.Pool(4), parallel.Pool{workers = 4, ...}, parallel.Pool().
function pool.new(options)
  return pool.inheriting(nil, options)
end

return pool
