-- trials: what many specs try things with.
local assert = require "luassert"

local trials = {}

--- What f(...) raises, which it must.
function trials.raised(f, ...)
  local ok, problem = pcall(f, ...)
  assert.is_false(ok, "an error was expected")
  return problem
end

--- The list of the numbers from 1 to n.
function trials.count_to(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

return trials
