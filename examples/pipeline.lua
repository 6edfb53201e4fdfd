-- A pipeline of processes: each takes values from a pipe, and sends what it makes of them into the next.
--
--    parallel-lua examples/pipeline.lua book.txt ...
--
-- Lines become words, words become pairs of neighbours, and the pairs are counted. A stage that is
-- slower than the one before makes that one wait, since a pipe holds only so much.
local parallel = require "parallel"

-- A process between two pipes: work(value, send) for each value that comes out of the first, and
-- work(nil, send) at the end. Returns where its values come out.
local function stage(input, work)
  local output, entrance = parallel.Pipe(false)
  local function send(value) assert(entrance:send(value)) end
  parallel.Process(function()
    for value in function() return (input:recv()) end do work(value, send) end
    work(nil, send)
  end):start()
  -- The process has these two. Were they open here, nobody would see the end.
  entrance:close()
  input:close()
  return output
end

local function words(line, send)
  if not line then return end
  for word in parallel.words(line, "lower") do send(word) end
end

local before -- in its own process
local function neighbours(word, send)
  if before and word then send(before .. " " .. word) end
  before = word
end

local counts = {} -- in its own process too
local function count(pair, send)
  if pair then
    counts[pair] = (counts[pair] or 0) + 1
    return
  end
  local sorted = {}
  for text in pairs(counts) do sorted[#sorted + 1] = text end
  table.sort(sorted, function(a, b)
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    return a < b
  end)
  for i = 1, math.min(5, #sorted) do send({sorted[i], counts[sorted[i]]}) end
end

local source, entrance = parallel.Pipe(false)
local result = stage(stage(stage(source, words), neighbours), count)

for _, path in ipairs(arg) do
  for line in io.lines(path) do assert(entrance:send(line)) end
end
entrance:close() -- the end, which passes from stage to stage

for pair in function() return (result:recv()) end do print(pair[1] .. "\t" .. pair[2]) end
