--- backlog: the chunks that wait for a worker, as a stack: the next one lies on top.
--
-- What came back from a worker lies on what is new. A chunk stays here until a worker has it: what
-- fails for want of memory, in the middle of it all, is tried anew later.
local piece = require("parallel.pool.chunk").piece

local Backlog = {}
Backlog.__index = Backlog

--- The chunk that is to go next, or nil.
function Backlog:top() return self[#self] end

--- Put it on top.
function Backlog:put(chunk) table.insert(self, chunk) end

--- Take it away, if it is here.
function Backlog:remove(chunk)
  for i = #self, 1, -1 do
    if self[i] == chunk then return table.remove(self, i) end
  end
end

local EMPTY = {source = {}, items = {n = 0}} -- nobody's chunk

--- Put what take(...) returns on top. The room is there before it is taken.
function Backlog:put_taken(take, ...)
  self:put(EMPTY)
  local chunk = take(...)
  self:remove(EMPTY)
  self:put(chunk)
end

--- Put the chunk's items from one place to another on top, the first topmost, tried `attempts`
-- times so far, in pieces of at most `share` items (nil: any number). Those whose outcome is no
-- longer wanted are left out.
function Backlog:put_again(chunk, from, to, attempts, share)
  local source, before, last = chunk.source, chunk.first - 1, to
  while last >= from do
    local first = last + 1
    local least = math.max(from, last - (share or to) + 1)
    while first > least and not source:gave_up(before + first - 1) do first = first - 1 end
    if first <= last then self:put(piece(chunk, first, last, attempts)) end
    last = math.min(first, last) - 1
  end
end

--- Take away the chunk that has this item of the source: the chunk, and the item's place in it; or nil.
function Backlog:find(source, number)
  for i, chunk in ipairs(self) do
    local place = chunk.source == source and number - chunk.first + 1 or 0
    if place >= 1 and place <= chunk.items.n then return table.remove(self, i), place end
  end
end

--- Nothing of this source is wanted any more.
function Backlog:drop(source)
  for i = #self, 1, -1 do
    if self[i].source == source then table.remove(self, i) end
  end
end

--- How many items wait.
function Backlog:count()
  local count = 0
  for _, chunk in ipairs(self) do count = count + chunk.items.n end
  return count
end

local backlog = {}

--- An empty one.
function backlog.new() return setmetatable({}, Backlog) end

return backlog
