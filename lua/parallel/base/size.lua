--- size: amounts of memory as people write them: "512M", "1.5G", or a number of bytes.
local UNITS = {[""] = 1, K = 2 ^ 10, M = 2 ^ 20, G = 2 ^ 30, T = 2 ^ 40}

local size = {}

--- The number of bytes, or nil when it cannot be read as a positive amount.
function size.bytes(value)
  if type(value) == "string" then
    local number, unit = value:match("^%s*([%d.]+)%s*([KMGTkmgt]?)i?B?%s*$")
    value = number and tonumber(number) and tonumber(number) * UNITS[unit:upper()]
  end
  if type(value) ~= "number" or value ~= value or value < 1 or value == math.huge then return nil end
  return math.floor(value)
end

return size
