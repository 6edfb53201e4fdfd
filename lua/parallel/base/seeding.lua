--- seeding: random numbers that depend on a seed and on which piece of work draws them.
local core = require("parallel.core")

local seeding = {}

--- Set math.random to the stream that these two whole numbers fix, on Lua 5.4 that of
-- parallel.random_stream.
function seeding.set(seed, number)
  if rawget(_G, "jit") then
    math.randomseed(core.random_stream(seed, number)())
  else
    math.randomseed(seed, number)
  end
end

--- A function that does so for the piece of work of that number; without a seed nil.
function seeding.of(seed)
  return seed and function(number) seeding.set(seed, number) end
end

return seeding
