--- showing: the progress of a crew's sources, of which one at a time is shown.
--
-- A source that is shown has a `meter` (see parallel.monitor.progress), and says how many
-- items have `finished`, and how many of those `failed`.
local Showing = {}
Showing.__index = Showing

--- This one, from now on.
function Showing:show(source) self.source = source end

--- This one is not shown any more, if it was.
function Showing:hide(source)
  if self.source ~= source then return end
  source.meter:abandon()
  self.source = nil
end

--- Show how far it is, if it is time to.
function Showing:update(crew)
  local source = self.source
  if source then source.meter:update(source.finished, crew, source.failed) end
end

--- The time until something must be shown, at most so many seconds (nil: no limit).
function Showing:pause(most)
  local pause = self.source and self.source.meter:pause()
  return pause and math.min(pause, most or pause) or most
end

--- Nothing is shown any more.
function Showing:close()
  if self.source then self:hide(self.source) end
end

local showing = {}

function showing.new() return setmetatable({}, Showing) end

return showing
