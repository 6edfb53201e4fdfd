-- Bytes that nobody encoded are refused, or are values like any others.
local core = fuzz.core

local function again(...)
  assert(select("#", core.decode(core.encode(...))) == select("#", ...))
end

return function(bytes)
  local results = {pcall(core.decode, bytes)}
  if results[1] then
    again((table.unpack or unpack)(results, 2, #results))
  else
    assert(type(results[2]) == "string", "what was raised is no message")
  end
end
