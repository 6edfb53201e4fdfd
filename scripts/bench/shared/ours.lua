-- One work of the benchmark of shared memory with parallel-lua:
--
--    lua5.4 ours.lua MODULE WORK
--    luajit ours.lua MODULE WORK
--
-- MODULE is parallel.so for that Lua; the works and the units of the figures are told in ../shared.lua.
local parallel = assert(package.loadlib(arg[1], "luaopen_parallel"))()
local clock = require("parallel.core").clock

local TIMES, ELEMENTS = 1000000, 10000000

local works = {}

-- Seconds that one of so many took, in nanoseconds.
local function each(times, f, ...)
  local began = clock()
  f(...)
  return (clock() - began) / times * 1e9
end

local function array_of_numbers()
  local array = parallel.Array("f64", ELEMENTS)
  array:fill(0.5)
  return array
end

function works.mutex()
  local lock = parallel.Lock()
  return each(TIMES, function()
    for _ = 1, TIMES do
      lock:acquire()
      lock:release()
    end
  end)
end

function works.add()
  local value = parallel.Value("i64")
  return each(TIMES, function()
    for _ = 1, TIMES do value:add(1) end
  end)
end

function works.lock()
  local value = parallel.Value("i64")
  return each(TIMES, function()
    for _ = 1, TIMES do
      local guard = value:lock()
      value.value = value.value + 1
      guard:close()
    end
  end)
end

function works.sum()
  local array = array_of_numbers()
  return each(1e6, array.sum, array)
end

local function add_up(elements)
  local sum = 0
  for i = 1, ELEMENTS do sum = sum + elements[i] end
  return sum
end

function works.read() return each(ELEMENTS, add_up, array_of_numbers()) end

if rawget(_G, "jit") then
  -- Compiled for no other elements before.
  function works.view() return each(ELEMENTS, add_up, array_of_numbers():ffi()) end

  function works.plain() return each(ELEMENTS, add_up, require("ffi").new("double[?]", ELEMENTS + 1)) end
end

print(works[arg[2]]())
