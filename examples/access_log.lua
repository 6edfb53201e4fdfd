-- A report of a web server's log: requests and bytes sent by path, and the 95th percentile of bytes.
--
--    parallel-lua examples/access_log.lua access.log
--    parallel-lua -f csv --top 1 examples/access_log.lua access.log
--
-- "hist" keeps for every path how often each size was sent, which is all that a
-- percentile needs: sizes repeat, so it is far smaller than the list of them.
local function percentile(histogram, share)
  local sizes, total = {}, 0
  for size, times in pairs(histogram) do
    sizes[#sizes + 1] = size
    total = total + times
  end
  table.sort(sizes)
  local seen = 0
  for _, size in ipairs(sizes) do
    seen = seen + histogram[size]
    if seen >= share * total then return size end
  end
end

return {
  -- 192.0.2.1 - - [10/Oct/2023:13:55:36 +0000] "GET /index.html HTTP/1.1" 200 2326
  map = function(line, emit)
    local path, bytes = line:match('"%u+ (%S+)[^"]*" %d+ (%d+)')
    if path then emit(path, tonumber(bytes)) else parallel.counter("lines that were not understood") end
  end,
  combine = "hist",
  reduce = function(_, histogram)
    local requests, bytes = 0, 0
    for size, times in pairs(histogram) do
      requests, bytes = requests + times, bytes + size * times
    end
    return {requests, bytes, percentile(histogram, 0.95)}
  end,
  sort = "value desc",
}
