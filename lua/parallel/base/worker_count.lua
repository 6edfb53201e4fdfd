--- worker_count: how many workers a number of workers stands for.
local core = require("parallel.core")

--- nil: as many as there are processors for this process; -1 the same, -2 one fewer, as in joblib, but
-- at least one.
return function(n)
  if n == nil then return core.cpu_count() end
  return n > 0 and n or math.max(1, core.cpu_count() + 1 + n)
end
