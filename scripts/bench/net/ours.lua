-- One work of the benchmark of managers and connections with parallel-lua:
--
--    lua5.4 ours.lua MODULE WORK
--
-- MODULE is parallel.so; the works and the units of the figures printed are told in ../net.lua.
local work = dofile((arg[0]:gsub("[^/]*/[^/]*$", "work.lua")))

local parallel, seconds, beside = work.parallel, work.seconds, work.beside

local PATH, CLIENTS = "bench-socket", 4

local works = {}

function works.set()
  local n, manager = 20000, parallel.Manager()
  local dict = manager:dict({ k = 0 })
  local figure = seconds(function()
    for i = 1, n do dict.k = i end
  end) / n * 1e6
  assert(dict.k == n)
  manager:close()
  return figure
end

-- All are connected before the first begins.
function works.sets()
  local n, manager = 20000, parallel.Manager()
  local dict, gate, clients = manager:dict(), parallel.Barrier(CLIENTS + 1), {}
  for client = 1, CLIENTS do
    clients[client] = beside(function()
      dict[client] = 0
      gate:wait()
      for i = 1, n do dict[client] = i end
    end)
  end
  gate:wait()
  local figure = CLIENTS * n / seconds(function()
    for _, client in ipairs(clients) do client:join() end
  end)
  for client = 1, CLIENTS do assert(dict[client] == n) end
  manager:close()
  return figure
end

-- To another program's echo and back.
local function round_trip(key)
  local n, listener = 20000, assert(parallel.Listener({ address = PATH, authkey = key }))
  local echo = beside(function()
    local there = assert(parallel.Client({ address = PATH, authkey = key }))
    for _ = 1, n do there:send(there:recv()) end
  end)
  local here = assert(listener:accept(10))
  local figure = seconds(function()
    for i = 1, n do
      here:send(i)
      assert(here:recv() == i)
    end
  end) / n * 1e6
  echo:join()
  listener:close()
  return figure
end

function works.pipe() return round_trip("key") end

function works.plain() return round_trip(false) end

function works.connect()
  local n, listener = 500, assert(parallel.Listener({ address = PATH, authkey = "key" }))
  local guests = beside(function()
    for _ = 1, n do assert(parallel.Client({ address = PATH, authkey = "key" })):close() end
  end)
  assert(listener:accept(10)):close()
  local figure = seconds(function()
    for _ = 2, n do assert(listener:accept(10)):close() end
  end) / (n - 1) * 1e6
  guests:join()
  listener:close()
  return figure
end

print(works[arg[2]]())
