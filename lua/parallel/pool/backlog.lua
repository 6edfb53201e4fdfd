--- backlog: the chunks that wait for a worker, as a stack: the next one lies on top.
--
-- What came back from a worker lies on what is new. A chunk stays here until a worker has it: what
-- fails for want of memory, in the middle of it all, is tried anew later.
local piece = require("parallel.pool.chunk").piece

local Backlog = {}
Backlog.__index = Backlog

--- The chunk that is to go next, or nil.
function Backlog:top() return self[#self] end

--- Is there any chunk?
function Backlog:is_left() return self[1] ~= nil or self.lost ~= false end

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

-- The first of the places from `from` on that make a piece of at most `share` items up to `last`:
-- all of them are wanted. last + 1: that one is not.
local function first_of_piece(chunk, from, last, share)
  local first, least = last + 1, share and math.max(from, last - share + 1) or from
  while first > least and not chunk.source:gave_up(chunk.first + first - 2) do first = first - 1 end
  return first
end

--- Put the chunk's items from one place to another on top, tried `attempts` times so far, the first
-- topmost. Those whose outcome is no longer wanted are left out.
function Backlog:put_again(chunk, from, to, attempts)
  while to >= from do
    local first = first_of_piece(chunk, from, to)
    if first <= to then self:put(piece(chunk, first, to, attempts)) end
    to = math.min(first, to) - 1
  end
end

--- The same with all from this place on, in pieces of at most `share` items (nil: any number). The
-- chunk ends before those that are here, so that it can be done again when memory fails.
function Backlog:put_rest(chunk, from, share)
  local items = chunk.items
  while items.n >= from do
    local first = first_of_piece(chunk, from, items.n, share)
    if first <= items.n then self:put(piece(chunk, first, items.n, chunk.attempts)) end
    items.n = math.min(first, items.n) - 1
  end
end

--- An answer about the chunk could not be taken: it lies here until `recover` has dealt with it. For
-- this no memory is needed.
function Backlog:lose(chunk)
  chunk.below, self.lost = self.lost, chunk
end

--- Put the items of lost chunks that have no outcome on top, one by one; refuse(chunk) is for one whose
-- only item was lost.
function Backlog:recover(refuse)
  while self.lost do
    local chunk = self.lost
    local tell = chunk.alone and refuse(chunk)
    if not tell then self:put_rest(chunk, (chunk.settled or 0) + 1, 1) end
    self.lost = chunk.below
    if tell then tell() end
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
function backlog.new() return setmetatable({lost = false}, Backlog) end

return backlog
