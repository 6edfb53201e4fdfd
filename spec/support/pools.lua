-- pools: the pool of the test at hand, closed after it whatever became of it.
--
--    after_each(pools.close)
--    local pool = pools.open(2)
local parallel = require "parallel"
local testing = require("parallel.core").testing

local pools = {}

local current

--- A pool of so many workers, or with these options.
function pools.open(options)
  current = parallel.Pool(options or 2)
  return current
end

--- Ends it, and disarms all faults.
function pools.close()
  testing.fault(nil)
  if current then current:terminate() end
  current = nil
end

return pools
