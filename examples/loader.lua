-- Batches of files, read ahead by workers while this process uses the ones before.
--
--    parallel-lua examples/loader.lua shelf
--
-- Each epoch sees the files of the folder in another order; the seed makes it the same order in
-- every run, whatever the number of workers.
local parallel = require "parallel"

local paths = {}
local find = assert(io.popen(("find '%s' -type f | sort"):format((arg[1]:gsub("'", "'\\''")))))
for path in find:lines() do paths[#paths + 1] = path end
find:close()

-- In a worker: how often each letter is in a file.
local function count_letters(i)
  local file = assert(io.open(paths[i], "rb"))
  local text, counts = file:read("*a"), {}
  file:close()
  for letter in text:lower():gmatch("%l") do counts[letter] = (counts[letter] or 0) + 1 end
  return counts
end

-- In a worker: one table for all files of a batch, so that little has to travel.
local function add_up(items)
  local sum = {}
  for _, counts in ipairs(items) do
    for letter, n in pairs(counts) do sum[letter] = (sum[letter] or 0) + n end
  end
  return sum
end

local loader = parallel.Loader{
  dataset = count_letters, size = #paths, collate = add_up,
  batch = 1, workers = 2, shuffle = true, seed = 1,
}

for epoch = 1, 2 do
  local total = {}
  for _, counts in loader:epoch() do total = add_up({total, counts}) end
  local letters = 0
  for _, n in pairs(total) do letters = letters + n end
  print(("epoch %d: files %d, batches %d, letters %d, of which e %d"):format(
    epoch, #paths, loader:count(), letters, total.e or 0))
end

loader:close()
