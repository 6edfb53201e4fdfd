--- line: turns that wait for the same thing, first come, first served.
local Line = {}
Line.__index = Line

--- At the end. Each turn stands in one line only.
function Line:join(turn)
  self.last = self.last + 1
  self[self.last] = turn
  turn.place = self.last
  self.count = self.count + 1
end

--- Out of it, wherever it stands.
function Line:leave(turn)
  if self[turn.place] ~= turn then return end
  self[turn.place] = nil
  self.count = self.count - 1
end

--- The first, who leaves it; nil when there is none. The caller has to wake it.
function Line:take()
  if self.count == 0 then return nil end
  while not self[self.first] do self.first = self.first + 1 end
  local turn = self[self.first]
  self:leave(turn)
  return turn
end

--- Have the first go on with these values; false when there is none.
function Line:wake(...)
  local turn = self:take()
  if turn then turn.server:wake(turn, ...) end
  return turn ~= nil
end

--- Have all of those go on who wait now.
function Line:wake_all(...)
  for _ = 1, self.count do self:wake(...) end
end

return {
  --- An empty one.
  new = function() return setmetatable({first = 1, last = 0, count = 0}, Line) end,
}
