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
--    source:cancel(make_failure)        nothing more will come
--
-- Neighbours that call the same function share a chunk.
local async_result = require("parallel.async_result")
local chunker = require("parallel.chunker")
local core = require("parallel.core")
local failure = require("parallel.failure")

local unpack = table.unpack or unpack
local pack = table.pack or function(...) return {n = select("#", ...), ...} end

local Singles = {}
Singles.__index = Singles

-- As they are now: what the caller does to them afterwards is not seen.
local function encode_arguments(number, arguments)
  local ok, bytes = pcall(core.encode_trusted, unpack(arguments, 1, arguments.n))
  if ok then return bytes end
  ok, bytes = pcall(core.encode_trusted, arguments) -- for the path: "[1].x", be it the only one
  if ok then error("an argument changed while it was sent", 0) end
  error(failure.new({kind = "unsendable", index = number, message = "args" .. tostring(bytes)}), 0)
end

--- A task f(...); returns its AsyncResult, or raises when an argument cannot be sent.
function Singles:add(version, arguments, fields)
  local number = self.last + 1
  local bytes = encode_arguments(number, arguments)
  self.last = number
  fields.index = number
  local result = async_result.new(self.pool, fields)
  self.waiting[number] = {version = version, arguments = bytes}
  self.results[number] = result
  return result
end

function Singles:wants() return self.next <= self.last end

function Singles:take()
  local waiting, first = self.waiting, self.next
  local version, size = waiting[first].version, self.chunker:size(self.last - first + 1)
  local items, n = {}, 0
  while n < size and waiting[first + n] and waiting[first + n].version == version do
    n = n + 1
    items[n] = waiting[first + n - 1].arguments
    waiting[first + n - 1] = nil
  end
  items.n = n
  self.next = first + n
  return {source = self, version = version, shape = "all", first = first, items = items}
end

local function settle(self, number, ...)
  local result = self.results[number]
  self.results[number] = nil
  result:settle(...)
end

function Singles:accept(number, value, worker)
  self.results[number].worker = worker
  settle(self, number, value)
end

function Singles:refuse(number, failed)
  failed.index, failed.label = number, self.results[number].label
  settle(self, number, nil, failed)
end

function Singles:learn(n, seconds) self.chunker:learn(n, seconds) end

function Singles:retries(number) return self.results[number].retries end

function Singles:cancel(make_failure)
  for number in pairs(self.results) do self:refuse(number, make_failure()) end
  self.waiting, self.next = {}, self.last + 1
end

local singles = {pack = pack}

function singles.new(pool)
  return setmetatable({
    pool = pool, waiting = {}, results = {}, next = 1, last = 0,
    chunker = chunker.new(math.max(1, pool.workers)),
  }, Singles)
end

return singles
