-- kept: what the test at hand has opened, closed after it whatever became of it.
--
--    after_each(kept.close)
--    local queue = kept.keep(parallel.Queue())
--    local process = kept.start(function() queue:put(1) end)
local parallel = require "parallel"
local testing = require("parallel.core").testing

local kept = {}

local ends = {} -- functions, in the order in which the objects came

--- The object, which finish(object) will end; close, when that is not given.
function kept.keep(object, finish)
  ends[#ends + 1] = function() (finish or object.close)(object) end
  return object
end

local function end_process(process)
  if process:is_alive() then process:kill() end
  process:join()
  process:close()
end

--- A child that runs f(...); one that still runs after the test is killed.
function kept.start(f, ...)
  local process = parallel.Process(f, ...)
  process:start()
  return kept.keep(process, end_process)
end

--- Ends all of them, and disarms all faults.
function kept.close()
  testing.fault(nil)
  local all = ends
  ends = {}
  for _, finish in ipairs(all) do finish() end
end

return kept
