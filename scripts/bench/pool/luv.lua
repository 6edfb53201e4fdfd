-- One work of the pool's benchmark with luv: its threads, each with a Lua state of its own.
--
--    UV_THREADPOOL_SIZE=2 lua5.4 luv.lua WORK
local uv = require("luv")

local works = {}

local function seconds(f)
  local began = uv.hrtime()
  f()
  return (uv.hrtime() - began) / 1e9
end

function works.submit()
  local n, results, done = 100000, {}, 0
  local work = uv.new_work(function(i, x) return i, x end, function(i, x)
    results[i] = x
    done = done + 1
  end)
  local time = seconds(function()
    for i = 1, n do work:queue(i, i) end
    uv.run()
  end)
  assert(done == n and results[n] == n)
  return n / time
end

function works.apply()
  local n, left = 20000, nil
  local work
  work = uv.new_work(function(x) return x end, function(x)
    left = left - 1
    if left > 0 then work:queue(x) end
  end)
  return seconds(function()
    left = n
    work:queue(1)
    uv.run()
  end) / n * 1e6
end

print(works[arg[1]]())
