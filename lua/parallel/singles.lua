--- singles: the tasks that were submitted one by one, as a source of chunks.
--
-- A *source* has tasks for the pool and takes their outcomes:
--
--    source:wants()                     is there anything to hand out now?
--    source:take()                      a chunk {version, shape, first, items}; items.n tasks
--                                       of which the first has the source's number `first`
--    source:accept(number, value, worker)   the task's result; or
--    source.list                            results go in here under their numbers, and
--    source:accept_listed(first, last)      tells of it
--    source:refuse(number, failure)         the task's Failure
--    source:learn(n, seconds)           what n items took
--    source:retries(number)             how often the task may be run again
--    source:gave_up(number)             is its outcome no longer wanted?
--    source:cancel(make_failure)        nothing more will come
--
-- A chunk's `timeout` is what each of its items may take, if not what the pool says.
-- Neighbours that call the same function share a chunk.
local async_result = require("parallel.async_result")
local chunker = require("parallel.chunker")
local core = require("parallel.core")
local failure = require("parallel.failure")

local unpack = require("parallel.packing").unpack

local Singles = {}
Singles.__index = Singles

-- As they are now: what the caller does to them afterwards is not seen.
local function encode_arguments(number, arguments)
  local ok, bytes, parcel = pcall(core.encode_trusted, unpack(arguments, 1, arguments.n))
  if ok then return bytes, parcel end
  ok, bytes = pcall(core.encode_trusted, arguments) -- for the path: "[1].x", be it the only one
  if ok then error("an argument changed while it was sent", 0) end
  error(failure.new({kind = "unsendable", index = number, message = "args" .. tostring(bytes)}), 0)
end

--- A task f(...); returns its AsyncResult, or raises when an argument cannot be sent.
function Singles:add(version, arguments, fields)
  local number = self.last + 1
  local bytes, parcel = encode_arguments(number, arguments)
  self.last = number
  fields.index, fields.source = number, self
  local result = async_result.new(self.pool, fields)
  self.waiting[number] = {
    version = version, arguments = bytes, parcel = parcel, timeout = fields.timeout}
  self.results[number] = result
  return result
end

-- Those that were cancelled left holes.
function Singles:wants()
  while self.next <= self.last and not self.waiting[self.next] do self.next = self.next + 1 end
  return self.next <= self.last
end

--- How many wait to be handed out.
function Singles:count()
  local count = 0
  for _ in pairs(self.waiting) do count = count + 1 end
  return count
end

-- A parcel is about one message, so what has one travels alone.
local function go_together(a, b)
  return b and a.version == b.version and a.timeout == b.timeout and not b.parcel
end

function Singles:take()
  local waiting, first = self.waiting, self.next
  local one, size = waiting[first], self.chunker:size(self.last - first + 1)
  local items, n = {}, 0
  repeat
    n = n + 1
    items[n] = waiting[first + n - 1].arguments
    waiting[first + n - 1] = nil
  until n >= size or one.parcel or not go_together(one, waiting[first + n])
  items.n = n
  self.next = first + n
  return {source = self, version = one.version, timeout = one.timeout, shape = "all",
          parcel = one.parcel, first = first, items = items}
end

-- What was cancelled has its outcome already when the worker comes to it.
local function settle(self, number, worker, ...)
  local result = self.results[number]
  if not result then return end
  self.results[number], result.worker = nil, worker
  result:settle(...)
end

-- One that ended by itself while it was being stopped is cancelled all the same.
function Singles:accept(number, value, worker)
  if self:gave_up(number) then
    self:refuse(number, failure.new({kind = "cancelled", index = number, worker = worker}))
  else
    settle(self, number, worker, value)
  end
end

function Singles:refuse(number, failed)
  local result = self.results[number]
  failed.index, failed.label = number, result and result.label
  settle(self, number, failed.worker, nil, failed)
end

--- For result:cancel(): true when there will be no result.
function Singles:give_up(result)
  local number, how = result.index, "withdrawn"
  if self.waiting[number] then
    self.waiting[number] = nil
  else
    how = self.pool.crew:cancel(self, number)
  end
  result.gave_up = how ~= nil
  if how and how ~= "stopped" then
    self:refuse(number, failure.new({kind = "cancelled", index = number}))
  end
  return how ~= nil
end

function Singles:gave_up(number)
  local result = self.results[number]
  return result and result.gave_up
end

function Singles:learn(n, seconds) self.chunker:learn(n, seconds) end

function Singles:retries(number)
  local result = self.results[number]
  return result and result.retries
end

function Singles:cancel(make_failure)
  for number in pairs(self.results) do self:refuse(number, make_failure()) end
  self.waiting, self.next = {}, self.last + 1
end

local singles = {}

function singles.new(pool)
  return setmetatable({
    pool = pool, waiting = {}, results = {}, next = 1, last = 0,
    chunker = chunker.new(math.max(1, pool.workers)),
  }, Singles)
end

return singles
