--- refusal: the mistake of who called a served object, told at the caller's line.
-- Whatever else is raised in the manager's process is an error of the function that it ran.
local refusal = {}

local Refusal = {}

function Refusal.__tostring(self) return self.message end

--- Refuse with this text, of string.format.
function refusal.raise(...) error(setmetatable({message = string.format(...)}, Refusal), 0) end

--- The text of a refusal; nil for any other error value.
function refusal.text(value)
  if type(value) == "table" and getmetatable(value) == Refusal then return value.message end
end

--- A number of seconds to wait, or nil.
function refusal.check_time(value)
  if value == nil or type(value) == "number" and value == value then return value end
  refusal.raise("number of seconds expected, got %s", type(value) == "number" and "NaN" or type(value))
end

return refusal
