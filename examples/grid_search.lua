-- Search a grid of parameters: fit a line to points by gradient descent, with every
-- combination of step and number of rounds, and keep the best.
--
--    parallel-lua examples/grid_search.lua
--
-- A plain script, not a job. Every combination is fitted in a worker; foreach
-- takes the results in the order of the grid, so that of equals the first wins.
local POINTS = {}
for x = 1, 20 do POINTS[x] = {x / 20, 3 * x / 20 + 1} end

-- The parameters, with how far the line that they led to is from the points.
local function fit(parameters)
  local slope, offset = 0, 0
  for _ = 1, parameters.rounds do
    local by_slope, by_offset = 0, 0
    for _, point in ipairs(POINTS) do
      local miss = slope * point[1] + offset - point[2]
      by_slope, by_offset = by_slope + miss * point[1], by_offset + miss
    end
    slope = slope - parameters.step * by_slope / #POINTS
    offset = offset - parameters.step * by_offset / #POINTS
  end
  return {step = parameters.step, rounds = parameters.rounds, slope = slope, offset = offset,
          miss = math.abs(slope - 3) + math.abs(offset - 1)}
end

local best = parallel.foreach(parallel.grid({step = {0.01, 0.1, 0.5}, rounds = {10, 100, 1000}}), fit, {
  combine = function(a, b) return b.miss < a.miss and b or a end,
})
print(("y = %.2f x + %.2f with step %s and %d rounds"):format(
  best.slope, best.offset, best.step, best.rounds))
