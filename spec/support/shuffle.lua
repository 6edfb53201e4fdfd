-- What specs of map-reduce's data plane share: pairs emitted on one side, results read on the other.
require("parallel")
local core = require("parallel.core")

local shuffle = {}

--- A depot in this file, whether that is in memory or not.
function shuffle.depot(file) return core.depot({memory = file:fd()}) end

--- Emits each list of {key, value} in `batches` from an emitter of its own.
-- Returns the runs' descriptors, and the scratch file that holds them.
function shuffle.emit(batches, options)
  local file = assert(core.scratch())
  local runs = {}
  for i, batch in ipairs(batches) do
    local emit = core.emitter({combine = options.combine, partitions = options.partitions or 3,
                               depot = shuffle.depot(file)})
    emit:split(i)
    for _, pair in ipairs(batch) do emit(pair[1], pair[2]) end
    for _, run in ipairs(emit:commit()) do runs[#runs + 1] = run end
  end
  return runs, file
end

--- Reduces all partitions: the outputs' descriptors, the file that holds them, and the count of records.
function shuffle.reduce(runs, options)
  local file, outputs, total = assert(core.scratch()), {}, 0
  for partition = 0, (options.partitions or 3) - 1 do
    local task = {runs = runs, partition = partition, depot = shuffle.depot(file)}
    for name, value in pairs(options) do task[name] = value end
    local output, count = core.reduce(task)
    outputs[partition + 1] = output
    total = total + count
  end
  return outputs, file, total
end

--- What a result gives, as a list of {key, value}.
function shuffle.collect(result)
  local list = {}
  for key, value in function() return result:next() end do list[#list + 1] = {key, value} end
  return list
end

--- From runs to the list of results.
function shuffle.finish(runs, options)
  local outputs, file = shuffle.reduce(runs, options)
  local result = core.result(outputs, options)
  local list = shuffle.collect(result)
  result:close()
  file:close()
  return list
end

--- From batches of pairs to the list of results.
function shuffle.run(batches, options)
  local runs, file = shuffle.emit(batches, options)
  local list = shuffle.finish(runs, options)
  file:close()
  return list
end

--- The whole of what was written to a scratch file.
function shuffle.contents(file)
  local handle = assert(io.open("/proc/self/fd/" .. file:fd(), "rb"))
  local text = handle:read("*a")
  handle:close()
  return text
end

--- Calls try() with each byte of a scratch file changed in some ways, one at a time; at last all is
-- as it was.
function shuffle.damage(file, try)
  local bytes = shuffle.contents(file)
  local handle = assert(io.open("/proc/self/fd/" .. file:fd(), "r+b"))
  handle:setvbuf("no")
  local function put(i, byte)
    handle:seek("set", i - 1)
    handle:write(string.char(byte % 256))
  end
  for i = 1, #bytes do
    for _, flip in ipairs({1, 16, 128, 255}) do
      put(i, bytes:byte(i) + flip)
      try()
    end
    put(i, bytes:byte(i))
  end
  handle:close()
end

--- From batches to text.
function shuffle.text(batches, options)
  local runs, run_file = shuffle.emit(batches, options)
  local outputs, output_file = shuffle.reduce(runs, options)
  local result, target = core.result(outputs, options), assert(core.scratch())
  assert(result:write(target:fd()))
  local text = shuffle.contents(target)
  for _, thing in ipairs({result, target, run_file, output_file}) do thing:close() end
  return text
end

--- A list of {key, value} as a table from keys to values.
function shuffle.by_key(list)
  local map = {}
  for _, pair in ipairs(list) do map[pair[1]] = pair[2] end
  return map
end

--- Cuts a list into n batches at random, each keeping the order.
function shuffle.split(list, n)
  local batches = {}
  for i = 1, n do batches[i] = {} end
  local at = 1
  for i, item in ipairs(list) do
    if at < n and math.random() < n / #list then at = at + 1 end
    batches[at][#batches[at] + 1] = list[i] and item
  end
  return batches
end

return shuffle
