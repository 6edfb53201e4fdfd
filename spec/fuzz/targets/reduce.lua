-- Runs and outputs on damaged files are refused, or reduced and read somehow.
--
--    way | combiner | partition | size of descriptor | descriptor less its fd | file
local core = fuzz.core

local COMBINERS = {"sum", "count", "min", "max", "mean", "first", "last", "list", "set", "values"}
local FORMATS = {"none", "tsv", "json"}

local function varint(n)
  local bytes = ""
  while n >= 128 do bytes, n = bytes .. string.char(n % 128 + 128), math.floor(n / 128) end
  return bytes .. string.char(n)
end

local function choose(list, n) return list[n % #list + 1] end

local function write(file, bytes)
  local handle = assert(io.open("/proc/self/fd/" .. file:fd(), "r+b"))
  assert(handle:write(bytes))
  handle:close()
end

local function iterate(_, values)
  local count = 0
  if type(values) == "function" then for _ in values do count = count + 1 end end
  return count
end

local function drain(result)
  for _ = 1, 1000 do
    if result:next() == nil then return end
  end
end

local function reduce(way, combiner, partition, descriptor, file, out)
  local run = varint(file:fd()) .. descriptor
  local output = core.reduce({
    runs = way % 2 == 0 and {run} or {run, run},
    partition = partition, depot = core.depot({memory = out:fd()}),
    combine = choose(COMBINERS, combiner), format = choose(FORMATS, math.floor(way / 2)),
    sort = way >= 128 and "value" or nil, top = way >= 64 and 3 or nil,
    reduce = way % 64 >= 32 and iterate or nil,
  })
  local result = core.result({output})
  if choose(FORMATS, math.floor(way / 2)) == "none" then drain(result) end
end

-- An output's descriptor and file look much as a run's do.
local function read(descriptor, file)
  drain(core.result({varint(file:fd()) .. descriptor}))
end

return function(bytes)
  if #bytes < 4 then return end
  local way, combiner, partition, size = bytes:byte(1, 4)
  local descriptor = bytes:sub(5, 4 + size)
  local file, out = assert(core.scratch()), assert(core.scratch())
  write(file, bytes:sub(5 + size))
  pcall(reduce, way, combiner, partition % 4, descriptor, file, out)
  pcall(read, descriptor, file)
  file:close()
  out:close()
end
