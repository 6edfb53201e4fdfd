-- pools: the pool of the test at hand, closed after it whatever became of it.
--
--    after_each(pools.close)
--    local pool = pools.open(2)
local kept = require "spec.support.kept"
local parallel = require "parallel"
local pools = {}

--- A pool of so many workers, or with these options.
function pools.open(options)
  local pool = parallel.Pool(options or 2)
  return kept.keep(pool, pool.terminate)
end

--- Ends it and all that is kept, and disarms all faults.
pools.close = kept.close

return pools
