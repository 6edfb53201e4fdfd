--- closing: something to do when a loop or block ends.
local Closing = {}
Closing.__index = Closing

--- Do it now; twice is harmless.
function Closing:close()
  local f = self.f
  self.f = nil
  if f then f() end
end

Closing.__close = Closing.close

return {
  --- Calls f() once it is closed.
  new = function(f) return setmetatable({f = f}, Closing) end,
}
