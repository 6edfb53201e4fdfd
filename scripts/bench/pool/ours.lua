-- One work of the pool's benchmark with parallel-lua, the program or its module:
--
--    parallel-lua ours.lua - WORK [ARGUMENT]
--    lua5.4 ours.lua MODULE WORK [ARGUMENT]
--
-- MODULE is parallel.so; the works and the units of the figures printed are told in ../pool.lua and
-- ../gains.lua.
local parallel = rawget(_G, "parallel") or assert(package.loadlib(arg[1], "luaopen_parallel"))()
local core = require("parallel.core")

local works = {}

local function same(x) return x end

local function square(x) return x * x end

local function seconds(f, ...)
  collectgarbage()
  local began = core.clock()
  f(...)
  return core.clock() - began
end

local function count_to(n)
  local items = {}
  for i = 1, n do items[i] = i end
  return items
end

local function median(values)
  table.sort(values)
  return values[math.ceil(#values / 2)]
end

-- Megabytes of the process that are its alone.
local function private(pid)
  local sum = 0
  for line in io.lines(("/proc/%s/smaps_rollup"):format(pid)) do
    sum = sum + (tonumber(line:match("^Private_%a+:%s*(%d+)")) or 0)
  end
  return sum / 1024
end

local function resident()
  for line in io.lines("/proc/self/status") do
    local kilobytes = line:match("^VmRSS:%s*(%d+)")
    if kilobytes then return kilobytes / 1024 end
  end
end

local function with_pool(workers, f)
  local pool = parallel.Pool(workers)
  local figure = f(pool)
  pool:close()
  return figure
end

function works.submit()
  local n = 100000
  return with_pool(2, function(pool)
    pool:apply(same, 1)
    return n / seconds(function()
      local results = {}
      for i = 1, n do results[i] = pool:submit(same, i) end
      for i = 1, n do assert(results[i]:get() == i) end
    end)
  end)
end

function works.map()
  local items = count_to(1000000)
  return with_pool(2, function(pool)
    pool:apply(square, 1)
    return #items / seconds(function() assert(pool:map(square, items)[1000000] == 1e12) end)
  end)
end

function works.apply()
  local n = 20000
  return with_pool(2, function(pool)
    pool:apply(same, 1)
    return seconds(function() for i = 1, n do pool:apply(same, i) end end) / n * 1e6
  end)
end

-- One value of so many units to a worker and back; units a second, both ways counted.
local function there_and_back(value, units)
  return with_pool(1, function(pool)
    local times = {}
    for i = 1, 7 do
      times[i] = seconds(function() assert(#pool:apply(same, value) == #value) end)
    end
    return 2 * units / median(times)
  end)
end

-- A loop that takes about so long, and how many of them take a quarter of a second.
local function task_of(microseconds)
  local function spin(n) for _ = 1, n do end end
  local rounds = math.ceil(microseconds * 1e-6 / (seconds(spin, 1e7) / 1e7))
  local function task(x)
    for _ = 1, rounds do end
    return x
  end
  return task, math.floor(250000 / microseconds)
end

local function gain(microseconds, parallel_seconds)
  local task, n = task_of(microseconds)
  local function loop() for i = 1, n do task(i) end end
  return with_pool(2, function(pool)
    pool:broadcast(same, 1)
    local alone = seconds(loop)
    return alone / parallel_seconds(pool, task, n, loop)
  end)
end

function works.gain(microseconds)
  return gain(microseconds, function(pool, task, n)
    local items = count_to(n)
    return seconds(function() pool:map(task, items) end)
  end)
end

-- Each of two processes runs the whole loop; they have nothing to say to each other.
function works.limit(microseconds)
  return gain(microseconds, function(pool, _, _, loop)
    return seconds(function() pool:broadcast(loop) end) / 2
  end)
end

local function records(n)
  local list = {}
  for i = 1, n do list[i] = { id = i, name = "user" .. i, score = i / 2 } end
  return list
end

-- A record counts once, as what goes there and back.
function works.records() return there_and_back(records(100000), 100000) / 2 end

function works.large() return there_and_back(("x"):rep(64 * 2 ^ 20), 64) / 1024 end

function works.inherit()
  local list = records(100000)
  local function sum(worker)
    local total = 0
    for i = worker, #list, 2 do total = total + list[i].score end
    return total
  end
  return seconds(parallel.map, sum, { 1, 2 }, { workers = 2 }) * 1e3
end

function works.open()
  return seconds(function() for _ = 1, 100 do parallel.Pool(2):close() end end) / 100 * 1e3
end

function works.idle()
  return with_pool(2, function(pool)
    pool:apply(same, 1)
    return private(pool:stats()[1].pid) * 1024
  end)
end

-- 158 MB of them, walked twice while as much garbage is made.
function works.read()
  _G.list = records(600000)
  return with_pool(1, function(pool)
    return pool:apply(function()
      for _ = 1, 2 do
        for i, record in ipairs(_G.list) do local _ = { record.score, i .. "x" } end
      end
      return private("self")
    end)
  end)
end

-- Meanwhile the pool hands out what it has to workers that are new.
local function await_file(pool, path)
  repeat
    pool:step()
    local file = io.open(path)
    if file then file:close() end
  until file
  os.remove(path)
end

-- From the kill of a worker that runs a task to the task's Failure.
function works.death()
  local times = {}
  return with_pool(1, function(pool)
    for i = 1, 51 do
      local result = pool:submit(function()
        io.open("begun", "w"):close()
        while true do end
      end)
      await_file(pool, "begun")
      local began = core.clock()
      pool.crew.transport:kill(1)
      result:wait()
      times[i] = core.clock() - began
    end
    return median(times) * 1e3
  end)
end

function works.queued()
  local n = 1000000
  return with_pool(1, function(pool)
    pool:submit(function() while true do end end)
    local before, results = resident(), {}
    for i = 1, n do results[i] = pool:submit(same, i) end
    local grown = resident() - before
    assert(not results[n]:ready())
    pool:terminate()
    return grown
  end)
end

function works.iterated()
  return with_pool(2, function(pool)
    local i, most = 0, 0
    for _, _ in pool:imap(square, function()
      i = i + 1
      if i % 100000 == 0 then most = math.max(most, resident()) end
      return i <= 1000000 and i or nil
    end, { window = 1000 }) do end
    return most
  end)
end

function works.descriptors()
  local function count()
    local pipe = io.popen("ls /proc/$PPID/fd | wc -l")
    local n = tonumber(pipe:read("*a"))
    pipe:close()
    return n
  end
  local before = count()
  return with_pool(100, function() return (count() - before) / 100 end)
end

local function spin(duration)
  local till = core.clock() + duration
  while core.clock() < till do end
end

-- How much of its time a consumer waits that needs 1 ms for a batch which takes 1.5 ms to
-- load, when two workers load ahead. Loading is waiting here, as for a disk.
function works.loader()
  local never = parallel.Event()
  local loader = parallel.Loader({
    dataset = function(i)
      never:wait(0.0015)
      return i
    end,
    size = 2000, batch = 1, workers = 2,
  })
  local next_batch, waited, began = loader:epoch(), 0, nil
  while true do
    local asked = core.clock()
    local index = next_batch()
    if not index then break end
    local got = core.clock()
    if index > 10 then waited = waited + got - asked else began = got end -- they start until then
    spin(0.001)
  end
  local share = waited / (core.clock() - began)
  loader:close()
  return 100 * share
end

print(works[arg[2]](tonumber(arg[3])))
