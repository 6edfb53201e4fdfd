--- pool: a number of worker processes, and functions to run in them.
local async_result = require("parallel.pool.async_result")
local call_options = require("parallel.pool.call_options")
local check = require("parallel.base.check")
local closing = require("parallel.base.closing")
local core = require("parallel.core")
local crew = require("parallel.pool.crew")
local deferred = require("parallel.base.deferred")
local directed = require("parallel.pool.directed")
local engines = require("parallel.pool.engines")
local failure = require("parallel.base.failure")
local gathered = require("parallel.pool.gathered")
local identity = require("parallel.process.identity")
local interruption = require("parallel.base.interruption")
local mapping = require("parallel.pool.mapping")
local packing = require("parallel.base.packing")
local pool_options = require("parallel.pool.options")
local sent_pool = require("parallel.pool.sent_pool")
local singles = require("parallel.pool.singles")

local mapreduce = deferred("parallel.mapreduce")
local progress = deferred("parallel.monitor.progress")

local pack, unpack = packing.pack, packing.unpack
local SLICE = 256 -- items that reduce folds in a worker at once
local GRACE = 10 -- seconds that the workers have to end when the pool is closed
local START_PATIENCE = 10 -- seconds that a pool is not made yet while initializers run

-- Arguments of methods are counted with the pool as the first.
local Pool = {}

Pool.__index = Pool -- and `pool.workers` is how many there are

-- ---- who may use it, and when ---------------------------------------------

local pid = core.pid

local function check_owner(self)
  if getmetatable(self) ~= Pool then check.fail("pool expected, got " .. type(self)) end
  if self.owner == pid() then return end
  check.fail(("this pool belongs to process %d"):format(self.owner))
end

local function check_open(self)
  check_owner(self)
  if self.closed then check.fail("attempt to use a closed pool") end
end

-- One that is being closed still has work to do.
local function check_running(self)
  check_owner(self)
  if self.ended then check.fail("attempt to use a closed pool") end
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

-- What f is now; or nil and why that cannot be sent.
local function look_at(self, f)
  local known = self.crew.functions:unchanging(f)
  if known then return known end
  local ok, version = pcall(self.crew.functions.take, self.crew.functions, f)
  if ok then return version end
  interruption.pass_on(version)
  return nil, "function: " .. tostring(version)
end

local function unsendable(why) return failure.new({kind = "unsendable", message = why}) end

local function capture(self, f)
  local version, why = look_at(self, f)
  return version or error(unsendable(why), 0)
end

local function submit_any(self, f, ...)
  check_open(self)
  check.callable(f, 2, "submit")
  local version, why = look_at(self, f)
  if not version then return self.singles:add_unsendable({}, why) end
  return self.singles:add(version, ...)
end

-- A pool that is open has roll.submit (see core/lua/roll.h) in place of this.
function Pool.enroll() end

--- Start f(...) in a worker; returns an AsyncResult.
function Pool:submit(f, ...)
  -- Most tasks are as the one before, and their arguments plain.
  local result, workers = self.enroll(f, ...) or submit_any(self, f, ...), self.crew
  if workers.holding < workers.most then workers:pump() end
  return result
end

--- The same with the arguments in a list, and options: callback, error_callback,
-- retries, timeout, label.
function Pool:apply_async(f, arguments, options)
  check_open(self)
  check.callable(f, 2, "apply_async")
  arguments = arguments or {}
  check.arguments(arguments, 3, "apply_async")
  local fields = call_options.apply(options, "apply_async")
  local version, why = look_at(self, f)
  if not version then return self.singles:add_unsendable(fields, why) end
  local result = self.singles:add_with(fields, version, unpack(arguments, 1, arguments.n or #arguments))
  self.crew:pump()
  return result
end

--- f(...) in a worker; returns its results, or raises its Failure.
function Pool:apply(f, ...)
  if type(f) ~= "function" then check.callable(f, 2, "apply") end
  return self:submit(f, ...):get()
end

-- ---- many items -----------------------------------------------------------

local function start(self, version, shape, items, options, receive)
  local source = mapping.new(self.workers, version, shape, items, options, receive)
  if options.progress then
    source.meter = progress.new(options.progress, source.total, false)
    self.crew.showing:show(source)
  end
  self.crew:add(source)
  self.crew:pump()
  return source
end

-- Once, though an iterator may be asked again after its end.
local function finish(self, source, problem)
  if not self.crew:remove(source) then return end
  if source.meter and problem then source.meter:abandon()
  elseif source.meter then source.meter:finish(source.finished) end
  self.crew.functions:release(source.version)
end

-- Returns the options, checked like f and the items.
local function check_mapping(self, name, f, items, options, known)
  check_open(self)
  check.callable(f, 2, name)
  check.items(items, 3, name)
  return call_options[known or "map"](options, name)
end

local function map(self, shape, f, items, options)
  local results = gathered.new(options, items)
  local source = start(self, capture(self, f), shape, items, options, results.receive)
  if results.ordered then source.list = results.list end
  local ok, why = pcall(self.work_until, self, function() return source:ended() end)
  local list, problem = results:outcome(source)
  if not ok then
    source:stop()
    problem = why
  end
  finish(self, source, problem)
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
  local version, why = look_at(self, f)
  if not version then
    result:settle(nil, unsendable(why))
    return result
  end
  local source
  local function settle_at_end()
    if not source or not source:ended() or result:has_ended() then return end
    local list, problem = results:outcome(source)
    result:note(not problem and pack(list) or nil, problem, began)
    finish(self, source, problem)
    result:tell()
  end
  source = start(self, version, shape, items, options, results.receive)
  source.listed, canceller.look = settle_at_end, settle_at_end
  if results.ordered then source.list = results.list end
  function canceller.give_up()
    self.crew:cancel_all(source) -- first: who is told may need the workers
    source:cancel(function() return failure.new({kind = "cancelled", message = "the map was cancelled"}) end)
    return true
  end
  settle_at_end()
  return result
end

-- What was not asked for yet is not wanted any more, and what runs might have no end.
local function abandon(self, source)
  if self.ended then return end
  if not source:ended() then
    self.crew:cancel_all(source)
    source:cancel(function()
      return failure.new({kind = "cancelled", message = "the iteration was abandoned"})
    end)
  end
  finish(self, source)
end

-- An iterator of number, result; in order, or as they come. And what a loop closes on Lua 5.4.
local function imap(self, shape, f, items, options)
  local ready, first, last = {}, 1, 0
  local function receive(number, ok, value)
    ready[options.ordered and number or last + 1] = {number = number, ok = ok, value = value}
    last = last + 1
  end
  options.lazy = true
  local source = start(self, capture(self, f), shape, items, options, receive)
  local function have_next() return ready[first] ~= nil or source:ended() end
  return function()
    while true do
      self:work_until(have_next)
      local one = ready[first]
      if not one then
        local problem = source.cancelled or source.input_error
        finish(self, source, problem)
        if problem then error(problem, 0) end
        return nil
      end
      ready[first] = nil
      first = first + 1
      source.consumed = source.consumed + 1
      if one.ok or options.on_error == "collect" then return one.number, one.value end
      if options.on_error ~= "skip" then
        self.crew.showing:hide(source)
        error(one.value, 0)
      end
    end
  end, nil, nil, closing.new(function() abandon(self, source) end)
end

local FORMS = {map = "one", starmap = "tuple"}

for name, shape in pairs(FORMS) do
  --- The results of f for each item, as a list in the order of the items, with field n.
  Pool[name] = function(self, f, items, options)
    return map(self, shape, f, items, check_mapping(self, name, f, items, options))
  end

  --- The same as an AsyncResult of that list.
  Pool[name .. "_async"] = function(self, f, items, options)
    return map_async(self, shape, f, items,
      check_mapping(self, name .. "_async", f, items, options, "map_async"))
  end
end

--- Iterate over number, result in the order of the items, which are read lazily.
function Pool:imap(f, items, options)
  options = check_mapping(self, "imap", f, items, options)
  options.ordered = options.ordered ~= false
  return imap(self, "one", f, items, options)
end

--- The same in the order in which they are ready.
function Pool:imap_unordered(f, items, options)
  return imap(self, "one", f, items, check_mapping(self, "imap_unordered", f, items, options))
end

--- Run f on each item for its effect; returns how many there were.
function Pool:each(f, items, options)
  local count, checked = 0, check_mapping(self, "each", f, items, options)
  for _ in imap(self, "one", f, items, checked) do count = count + 1 end
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
-- in the workers and joined in order (or, with ordered = false, as they come). Options
-- besides: init, final, and those of map. An empty input without init raises.
function Pool:reduce(f, items, options)
  options = check_mapping(self, "reduce", f, items, options, "reduce")
  local size = options.chunksize or SLICE
  options.chunksize, options.on_error = nil, nil
  local parts = map(self, "fold", f, slices(items, size), options)
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
  check.type(fields, "table", 2, "mapreduce")
  local with_workers = {}
  for name, value in pairs(fields) do with_workers[name] = value end
  with_workers.workers = with_workers.workers or math.max(1, self.workers)
  with_workers.start_method = with_workers.start_method or self.crew.options.start_method
  return mapreduce.run(with_workers)
end

local function call_everywhere(self, version, ...)
  local ok, arguments, parcel = pcall(directed.arguments, ...)
  if not ok then
    interruption.pass_on(arguments)
    error(unsendable(failure.at_path("args", arguments)), 0)
  end
  return directed.everywhere(self, function()
    return {version = version, arguments = arguments, parcel = parcel, limit = self.crew.timeout}
  end)
end

--- f(...) once on every worker; a list of the results by worker.
function Pool:broadcast(f, ...)
  check_open(self)
  check.callable(f, 2, "broadcast")
  local version = capture(self, f)
  local ok, results = pcall(call_everywhere, self, version, ...)
  self.crew.functions:release(version)
  if not ok then error(results, 0) end
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
  check.type(workers, "number", 2, "resize")
  check.whole_option({workers = workers}, "workers", 1, 2, "resize")
  if self.workers == 0 then check.fail("a pool without workers cannot be resized") end
  self.crew:resize(workers)
  self.workers = workers
  self.engines:number()
end

-- ---- event loops of others ------------------------------------------------

--- A descriptor that is readable when `step` has something to do; nil without workers.
function Pool:pollfd()
  check_running(self)
  return self.crew.transport:descriptor()
end

--- What to poll it for, as cqueues wants it said.
function Pool:events() return self.ended and "" or "r" end

--- The seconds after which `step` has something to do in any case, or nil.
function Pool:timeout()
  check_running(self)
  return self.crew.transport:timeout()
end

--- Take what has happened, without waiting; callbacks run in here.
function Pool:step()
  check_running(self)
  self:work()
end

--- How many workers there are.
function Pool:count() return self.workers end

function Pool:__tostring()
  if not self.workers then return ("pool of process %d"):format(self.owner) end
  return ("pool of %d workers"):format(self.workers)
end

local function take_no_more(self) self.closed, self.enroll = true, nil end

-- Work off what was submitted, then let the workers go.
local function go_on_closing(self, timeout)
  if self.ended then return true end
  local deadline = timeout and core.clock() + timeout
  local function drained() return not self.crew:busy() and not self.singles:wants() end
  if not self.crew.farewell and not self:work_until(drained, timeout) then return nil, "timeout" end
  if self.ended then return true end -- who was called back has terminated it
  local left = deadline and math.max(0, deadline - core.clock())
  self.ended = self.crew:leave(GRACE, left) or nil
  if self.ended then return true end
  return nil, "timeout"
end

-- What an iteration has not asked for yet will not be run: its input may be endless.
function Pool:stop_reading()
  for _, source in ipairs(self.crew.sources) do
    if source.lazy and not source.exhausted then
      source:stop()
      source.input_error = "attempt to use a closed pool"
    end
  end
end

--- No new tasks: what was submitted is run, then the workers end. Waits for that, at
-- most so many seconds: true, or nil, "timeout", and then `join` goes on with it. Twice is harmless.
function Pool:close(timeout)
  check_owner(self)
  check.optional_time(timeout, 2, "close")
  if not self.closed then self:stop_reading() end
  take_no_more(self)
  return go_on_closing(self, timeout)
end

local function cancelled() return failure.new({kind = "cancelled", message = "the pool was terminated"}) end

--- End the workers now; what has no result yet becomes a Failure of kind "cancelled".
function Pool:terminate()
  if self.ended then return end
  check_owner(self)
  take_no_more(self)
  self.ended = true
  self.crew:terminate(cancelled)
end

--- After close or terminate: wait for the workers' end, at most so many seconds. True,
-- at once when those waited for it themselves; or nil, "timeout".
function Pool:join(timeout)
  check_owner(self)
  check.optional_time(timeout, 2, "join")
  if not self.closed then check.fail("join: the pool is still open") end
  return go_on_closing(self, timeout)
end

-- Drains at the end of a block, terminates when an error ended it.
function Pool.__close(self, problem)
  if problem ~= nil then self:terminate() else self:close() end
end

Pool.__len = Pool.count

Pool.check_open, Pool.capture = check_open, capture
engines.add_to(Pool)

-- What an initializer raises is raised here, not at the first task. One that takes long goes on:
-- it may wait for something that is done once the pool is made. A greeting is no task, of which
-- a worker may have run but so many.
function Pool:await_first_workers()
  local waiting = self.workers
  self.crew:tell_each(function() waiting = waiting - 1 end, nil, "greet")
  local ok, why = pcall(self.work_until, self, function() return waiting == 0 end, START_PATIENCE)
  if ok then return end
  self:terminate()
  error(why, 0)
end

-- ---- making one -----------------------------------------------------------

sent_pool.register(Pool)

local pool = {}

--- Make a pool whose workers inherit the function f, with all that it captures, for
-- the one call that is to follow. Options as in `new`; f may be nil. They are the argument of
-- this number of the function of this name.
function pool.inheriting(f, options, number, name)
  options = pool_options.check(options, number, name)
  local workers = options.workers
  if workers > 0 then identity.check_nesting() end
  local made = setmetatable({owner = core.pid(), workers = workers, closed = false}, Pool)
  made.crew = crew.open(workers, options, f)
  made.pids = made.crew.pids
  made.singles = singles.new(made)
  made.enroll = made.singles.roll.submit
  made.crew:add(made.singles)
  made.engines = engines.new(made)
  if options.initializer and workers > 0 then made:await_first_workers() end
  return made
end

--- Make a pool: parallel.Pool(4), parallel.Pool{workers = 4, ...}, parallel.Pool().
function pool.new(options)
  return pool.inheriting(nil, options, 1, "Pool")
end

return pool
