--- finalizer: something to do when a value that holds it is collected, on both Luas.
local finalizer = {}

-- LuaJIT asks only userdata.
local new_userdata = rawget(_G, "newproxy")

--- A value that calls f() when it is collected; what f raises is lost. Others hold it for that.
function finalizer.new(f)
  local function collected() pcall(f) end
  if not new_userdata then return setmetatable({}, {__gc = collected}) end
  local made = new_userdata(true)
  getmetatable(made).__gc = collected
  return made
end

return finalizer
