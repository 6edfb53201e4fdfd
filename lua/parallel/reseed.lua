--- reseed: math.random as of a task, whoever runs it.
local core = require("parallel.core")

local reseed

if rawget(_G, "jit") then
  reseed = function(seed, index) math.randomseed(core.random_stream(seed, index)()) end
else
  reseed = function(seed, index) math.randomseed(seed, index) end
end

--- From now on math.random draws what is fixed by these whole numbers; on Lua 5.4
-- the same as parallel.random_stream(seed, index).
return reseed
