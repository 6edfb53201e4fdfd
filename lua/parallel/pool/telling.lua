--- telling: outcomes that were read, and are told one after the other.
--
-- A callback that is told one may wait for another that stands behind it. So what is left is told
-- by whoever comes first: the one who began, or the one who waits inside of a callback.
local memory = require("parallel.base.memory")

local Telling = {}
Telling.__index = Telling

-- What fails for want of memory is told anew when there is some.
local function run(one)
  local ok, why = pcall(one.run, one)
  if ok then return end
  if memory.ran_out(why) then one.at = one.at - 1 end
  error(why, 0)
end

--- Tell what is left of the oldest account. True when there was one.
function Telling:rest()
  local one = self[1]
  if not one then return false end
  run(one)
  if self[1] == one then table.remove(self, 1) end
  return true
end

--- Is anything left?
function Telling:is_left() return self[1] ~= nil end

--- Tell all that is left.
function Telling:all()
  while self:rest() do end
end

local function run_each(one)
  while one.at < one.last do
    one.at = one.at + 1
    one.each(one.at)
  end
end

-- The places after one.at, up to one.last, are told by one:run(), which counts them there.

--- Note that each(place) shall be called for these places, in their order.
function Telling:add_each(from, last, each)
  table.insert(self, {at = from - 1, last = last, run = run_each, each = each})
end

local function run_results(one)
  local source, results, before, worker, chunk = one.source, one.results, one.before, one.worker, one.chunk
  while one.at < one.last do
    local place = one.at + 1
    one.at = place
    source:accept(before + place, results[place], worker, chunk)
  end
end

--- Note that the chunk's source shall accept these places of `results`. The same with fewer calls: there may
-- be a million.
function Telling:add_results(chunk, from, last, results, worker)
  table.insert(self, {at = from - 1, last = last, run = run_results, source = chunk.source,
                      results = results, before = chunk.first - 1, worker = worker, chunk = chunk})
end

local telling = {}

function telling.new() return setmetatable({}, Telling) end

return telling
