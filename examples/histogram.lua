-- A histogram of the numbers in some files, one a line, drawn with stars.
--
--    parallel-lua -f raw examples/histogram.lua numbers.txt
--    parallel-lua -f raw -v width=50 examples/histogram.lua numbers.txt
--
-- The key is the lower end of each interval; counting is all that is left to do.
local width = _G.width or 10

return {
  map = function(line, emit)
    local number = tonumber(line)
    if number then emit(math.floor(number / width) * width) end
  end,
  combine = "count",
  reduce = function(low, count)
    return ("%5d .. %5d %s %d"):format(low, low + width, ("*"):rep(count), count)
  end,
  sort = "key",
}
