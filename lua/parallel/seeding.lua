--- seeding: random numbers that depend on a seed and on which piece of work draws them.
local core = require("parallel.core")

local seeding = {}

--- A function that sets math.random to the stream of the piece of that number, on Lua 5.4 that of
-- parallel.random_stream; without a seed nil.
function seeding.of(seed)
  if not seed then return nil end
  if not rawget(_G, "jit") then return function(number) math.randomseed(seed, number) end end
  return function(number) math.randomseed(core.random_stream(seed, number)()) end
end

return seeding
