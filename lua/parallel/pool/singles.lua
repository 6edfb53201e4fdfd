--- singles: the tasks that were submitted one by one, as a source of chunks.
--
-- A *source* has tasks for the pool and takes their outcomes:
--
--    source:wants()                     is there anything to hand out now?
--    source:take()                      a chunk {version, shape, first, items}; items.n tasks
--                                       of which the first has the source's number `first`
--    source:read(bytes, parcel, chunk, worker)  outcomes of the chunk: last, failures, elapsed as of
--                                       core.outcomes; and a list of results by place, unless
--                                       they are settled already; and printed, began
--    source:accept(number, value, worker, chunk)   the task's result, from that list; or
--    source:accept_listed(first, last)             results have been put into source.list
--    source:refuse(number, failure, chunk)  the task's Failure
--    source:learn(n, seconds)           what n items took
--    source:retries(number)             how often the task may be run again
--    source:gave_up(number)             is its outcome no longer wanted?
--    source:cancel(make_failure)        nothing more will come
--
-- A chunk's `timeout` is what each of its items may take, if not what the pool says.
-- Neighbours that call the same function share a chunk.
local async_result = require("parallel.pool.async_result")
local chunker = require("parallel.pool.chunker")
local chunks = require("parallel.pool.chunk")
local core = require("parallel.core")
local failure = require("parallel.base.failure")
local interruption = require("parallel.base.interruption")

local packing = require("parallel.base.packing")

local Singles = {}
Singles.__index = Singles

-- ---- coming in ------------------------------------------------------------

-- A task is added in one step, which comes last: whatever fails before it, no task and no arguments
-- are left behind. Only a run may be, in which no task is.

-- As they are now: what the caller does to them afterwards is not seen.
-- Returns why they cannot be sent; or nil, the call, the shared objects among them, and whether it is
-- large.
local function encode_arguments(...)
  local ok, call, parcel, is_large = pcall(core.call, ...)
  if ok then return nil, call, parcel, is_large end
  interruption.pass_on(call)
  local is_sendable, why = pcall(core.encode_trusted, packing.pack(...)) -- for the path: "[1].x"
  if is_sendable then return call end -- there was no memory, or an argument has changed meanwhile
  return failure.at_path("args", why)
end

-- Neighbours of one function and one limit are a run, up to where the next begins; a chunk is cut
-- from one run. A parcel is about one message, so what has one travels alone, and so does a large
-- call. To a run of a function that cannot change tasks are added by roll.submit, for fewer instructions.
local function begin_run(self, version, timeout, parcel, alone)
  local run = {first = false, next = false, version = version, timeout = timeout, parcel = parcel,
               alone = alone}
  local may_change = not version or version.changes
  self.roll.follow(nil)
  run.first = self.roll.last() + 1
  if self.newest then self.newest.next = run else self.oldest = run end
  self.newest = run
  self.roll.follow(not (may_change or timeout or parcel or alone) and version or nil)
end

-- The next task is going to be in a run of this kind.
local function enter_run(self, version, timeout, parcel, alone)
  local run = self.newest
  if not run or run.version ~= version or run.timeout ~= timeout or parcel or alone
    or run.parcel or run.alone then
    begin_run(self, version, timeout, parcel, alone)
  end
end

-- It has its number, but is not going to be handed out.
local function withdraw(self, number)
  self.results[self.roll.place(number)] = nil
  self.roll.close(1)
  if self.printed then self.printed:ended(number, number) end
end

-- Without arguments. It is marked before it is there, lest it be handed out.
local function add_withdrawn(self, fields)
  local number, withdrawn = self.roll.last() + 1, self.withdrawn
  withdrawn[number] = true
  local ok, why = pcall(self.roll.add, fields)
  if ok then return withdraw(self, number) end
  withdrawn[number] = nil
  error(why, 0)
end

--- A task that cannot be sent: an AsyncResult that has its Failure already. Fields as in add_with.
function Singles:add_unsendable(fields, why)
  local failed = {kind = "unsendable", index = false, label = fields.label, message = why}
  enter_run(self)
  add_withdrawn(self, fields)
  failed.index = fields.index
  fields:settle(nil, failure.new(failed))
  return fields
end

-- With arguments that roll.add does not take as they are.
local function add_encoded(self, fields, version, ...)
  local why, call, parcel, is_large = encode_arguments(...)
  if why then
    self.pool.crew.functions:release(version, 1)
    return self:add_unsendable(fields, why)
  end
  enter_run(self, version, fields.timeout, parcel, is_large and call or nil)
  return self.roll.add_call(fields, call)
end

--- A task f(...), f being known as `version`; returns its AsyncResult.
function Singles:add(version, ...)
  -- With room for the value, and no more: a million of them may wait.
  local result = {index = nil, value = nil}
  enter_run(self, version)
  return self.roll.add(result, ...) or add_encoded(self, result, version, ...)
end

--- The same with further fields of the result: callback, error_callback, timeout, retries, label.
function Singles:add_with(fields, version, ...)
  fields.attended = (fields.callback or fields.error_callback) and true
  enter_run(self, version, fields.timeout)
  return self.roll.add(fields, ...) or add_encoded(self, fields, version, ...)
end

-- ---- going out ------------------------------------------------------------

--- Those that were withdrawn are passed over.
function Singles:wants()
  while self.withdrawn[self.next] do
    self.calls:drop(1)
    self.withdrawn[self.next] = nil
    self.next = self.next + 1
  end
  return self.next <= self.roll.last()
end

--- How many wait to be handed out.
function Singles:count()
  local count = self.roll.last() - self.next + 1
  for _ in pairs(self.withdrawn) do count = count - 1 end
  return count
end

local function run_of(self, number)
  local run = self.oldest
  while run.next and run.next.first <= number do run = run.next end
  return run
end

-- How many from the first on go together, of at most `size`.
local function together(self, run, size)
  local after = run.next and run.next.first or self.roll.last() + 1
  local n = math.min(size, after - self.next)
  if not next(self.withdrawn) then return n end
  for i = 1, n - 1 do
    if self.withdrawn[self.next + i] then return i end
  end
  return n
end

-- First all that takes memory: what is taken is handed out.
function Singles:take()
  local calls, items = core.calls(), {n = 0, calls = false}
  local chunk = chunks.new(self, false, "calls", false, 0, items)
  local first = self.next
  self.oldest = run_of(self, first)
  local run = self.oldest
  local n = together(self, run, self.chunker:size(self.roll.last() - first + 1))
  self.calls:take(n, calls)
  self.next = first + n
  items.n, items.calls = n, run.alone or calls
  chunk.version, chunk.timeout, chunk.parcel, chunk.first = run.version, run.timeout, run.parcel, first
  return chunk
end

-- ---- outcomes -------------------------------------------------------------

local function result_of(self, number) return self.results[self.roll.place(number)] end

-- So many tasks less.
local function close(self, version, count)
  self.roll.close(count)
  self.pool.crew.functions:release(version, count)
end

local function cancelled(number, worker)
  return failure.new({kind = "cancelled", index = number, worker = worker})
end

local function settle(self, number, version, began, values, failed)
  local result = result_of(self, number)
  result:note(values, failed, began) -- needs memory, and may be done again
  self.results[self.roll.place(number)] = nil
  close(self, version, 1)
  if self.printed then self.printed:ended(number, number) end
  result:tell()
end

local function began(chunk, number) return chunk.items.calls:began(number - chunk.first + 1) end

--- Settles those that nobody attends to; the results of the others are returned.
function Singles:read(bytes, parcel, chunk, worker)
  local last, failures, elapsed, ended, others, printed, times = core.settle(
    bytes, self.results, self.roll.place(chunk.first) - 1, chunk.settled or 0, chunk.items.n, parcel, worker,
    chunk.items.calls)
  if ended > 0 then close(self, chunk.version, ended) end
  return last, failures, elapsed, others, printed, times
end

-- One that ended by itself while it was being stopped is cancelled all the same.
function Singles:accept(number, values, worker, chunk)
  local result = values and result_of(self, number)
  if not result then return end
  if result.gave_up then return self:refuse(number, cancelled(number, worker), chunk) end
  result.worker = worker
  settle(self, number, chunk.version, began(chunk, number), values)
end

-- What was cancelled has its outcome already when the worker comes to it, or is cancelled whatever
-- became of it.
function Singles:refuse(number, failed, chunk)
  local result = result_of(self, number)
  if not result then return end
  if result.gave_up and failed.kind ~= "cancelled" then failed = cancelled(number, failed.worker) end
  failed.index, failed.label, result.worker = number, result.label, failed.worker
  settle(self, number, chunk.version, began(chunk, number), nil, failed)
end

--- For result:cancel(): true when there will be no result.
function Singles:give_up(result)
  local number = result.index
  if number >= self.next then
    local failed = cancelled(number)
    result.gave_up = true
    self.withdrawn[number] = true
    settle(self, number, run_of(self, number).version, self.calls:began(number - self.next + 1),
      nil, failed)
    return true
  end
  local how, chunk = self.pool.crew:cancel(self, number)
  result.gave_up = how ~= nil
  result.attended = result.attended or result.gave_up
  if how and how ~= "stopped" then self:refuse(number, cancelled(number), chunk) end
  return result.gave_up
end

function Singles:gave_up(number)
  local result = result_of(self, number)
  return not result or result.gave_up
end

function Singles:learn(n, seconds) self.chunker:learn(n, seconds) end

function Singles:retries(number)
  local result = result_of(self, number)
  return result and result.retries
end

function Singles:cancel(make_failure)
  local open, roll, none = {}, self.roll, {}
  for _, result in pairs(self.results) do open[#open + 1] = result end
  for place in pairs(self.results) do self.results[place] = nil end
  self.calls:drop(roll.last() - self.next + 1)
  self.next, self.oldest, self.newest, self.withdrawn = roll.last() + 1, false, false, none
  roll.close(roll.open())
  roll.follow(nil)
  for _, result in ipairs(open) do
    local failed = make_failure()
    failed.index, failed.label = result.index, result.label
    result:settle(nil, failed)
  end
end

local singles = {}

function singles.new(pool)
  local self = setmetatable({
    pool = pool, chunker = chunker.new(math.max(1, pool.workers)),
    calls = core.calls(),      -- those that wait, from number `next` to roll.last()
    next = 1, oldest = false, newest = false,
    withdrawn = {},            -- numbers of those that wait and shall not be run
    results = {},              -- those that have no outcome, by their place
  }, Singles)
  local class = async_result.class(pool, self)
  self.roll = core.roll(self.calls, self.results, class, pool.crew.functions.current)
  return self
end

return singles
