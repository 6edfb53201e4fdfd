-- One work of the benchmark of processes, pipes and queues with parallel-lua:
--
--    lua5.4 ours.lua MODULE WORK
--    luajit ours.lua MODULE WORK
--
-- MODULE is parallel.so for that Lua; the works and the units of the figures are told in ../processes.lua.
local work = dofile((arg[0]:gsub("[^/]*/[^/]*$", "work.lua")))

local parallel, seconds, beside = work.parallel, work.seconds, work.beside

local works = {}

function works.start()
  local n = 200
  local function nothing() end
  return seconds(function()
    for _ = 1, n do beside(nothing):join() end
  end) / n * 1e3
end

function works.pipe()
  local n = 20000
  local here, there = parallel.Pipe()
  local echo = beside(function()
    for _ = 1, n do there:send(there:recv()) end
  end)
  local figure = seconds(function()
    for i = 1, n do
      here:send(i)
      assert(here:recv() == i)
    end
  end) / n * 1e6
  echo:join()
  return figure
end

function works.queue()
  local n, queue = 200000, parallel.Queue()
  return seconds(function()
    for i = 1, n do
      queue:put(i)
      queue:get()
    end
  end) / n * 1e6
end

-- A sum tells that each came once.
function works.across()
  local n, queue, sum = 1000000, parallel.Queue(), 0
  local putter = beside(function()
    for i = 1, n do queue:put(i) end
  end)
  assert(queue:get() == 1) -- it has started
  local figure = (n - 1) / seconds(function()
    for _ = 2, n do sum = sum + queue:get() end
  end)
  assert(sum == n * (n + 1) / 2 - 1)
  putter:join()
  return figure
end

print(works[arg[2]]())
