-- A histogram that several processes fill: how many steps numbers take to fall to 1.
--
--    parallel-lua examples/collatz.lua
--
-- Each process takes the next hundred numbers by adding to a shared value, and counts
-- for itself; a lock lets one at a time add its counts to the shared array.
local LAST, PIECE, BARS, WIDTH = 20000, 100, 14, 20

local taken = parallel.Value("i64")
local histogram = parallel.Array("i64", BARS)
local lock = parallel.Lock()

local function steps(n)
  local count = 0
  while n > 1 do
    n = n % 2 == 0 and n / 2 or 3 * n + 1
    count = count + 1
  end
  return count
end

local function work()
  local counts = {}
  for bar = 1, BARS do counts[bar] = 0 end
  while true do
    local last = taken:add(PIECE)
    if last > LAST then break end
    for n = last - PIECE + 1, last do
      local bar = math.floor(steps(n) / WIDTH) + 1
      counts[bar] = counts[bar] + 1
    end
  end
  lock:with(function()
    for bar = 1, BARS do histogram[bar] = histogram[bar] + counts[bar] end
  end)
end

local processes = {}
for i = 1, parallel.cpu_count() do
  processes[i] = parallel.Process(work)
  processes[i]:start()
end
for _, process in ipairs(processes) do process:join() end

for bar = 1, BARS do
  local from = (bar - 1) * WIDTH
  print(("%3d to %3d  %s"):format(from, from + WIDTH - 1, ("*"):rep(math.ceil(histogram[bar] / 100))))
end
assert(histogram:sum() == LAST)
