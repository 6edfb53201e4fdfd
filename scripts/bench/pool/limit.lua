-- One work of the pool's benchmark as no pool can be faster:
--
--    lua5.4 limit.lua MODULE WORK
--
-- MODULE is parallel.so, for its clock. In Lua where the work is Lua's, else with C over pipes.
assert(package.loadlib(arg[1], "luaopen_parallel"))()
local clock = require("parallel.core").clock

local function limit(name)
  return assert(package.loadlib(("./%s-lua5.4.so"):format(name), "luaopen_" .. name))()
end

local function seconds(f, ...)
  collectgarbage()
  local began = clock()
  f(...)
  return clock() - began
end

local function records(n)
  local list = {}
  for i = 1, n do list[i] = { id = i, name = "user" .. i, score = i / 2 } end
  return list
end

local works = {}

-- A plain loop.
function works.map()
  local items, squares = {}, {}
  for i = 1, 1000000 do items[i] = i end
  local time = seconds(function() for i = 1, #items do squares[i] = items[i] * items[i] end end)
  assert(squares[#items] == 1e12)
  return #items / time
end

-- Each end walks over the records and makes them, in turn.
function works.records()
  local list, copy, times = records(100000), limit("codec_limit").copy, {}
  for i = 1, 7 do times[i] = seconds(copy, list) end
  table.sort(times)
  return #list / (2 * times[4])
end

-- Nothing but fork.
function works.inherit()
  local list = records(100000)
  local function sum(worker)
    local total = 0
    for i = worker, #list, 2 do total = total + list[i].score end
    return total
  end
  return seconds(limit("fork_limit").in_two, sum) * 1e3
end

local work = works[arg[2]]
if work then print(work()) else os.execute("./pool " .. arg[2]) end
