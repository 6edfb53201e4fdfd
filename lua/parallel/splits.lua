--- splits: cut the inputs of a job into pieces that workers can map side by side.
--
-- A split is {path, index, offset, length} of a file, or {first, last} of a list
-- of values. Several small ones make a batch, which is what a worker is sent;
-- big files are cut without looking into them, and whoever reads a split finds
-- the record boundaries.
local core = require("parallel.core")

-- Small enough that workers end together and a crash costs little, large enough
-- that handing them out costs nothing.
local PER_WORKER = 64
local SMALLEST, LARGEST = 256 * 1024, 4 * 1024 * 1024
local MOST_IN_BATCH = 1000

local splits = {}

local function clamp(n, low, high) return math.max(low, math.min(high, n)) end

local function join(folder, name) return folder:match("^(.-)/*$") .. "/" .. name end

-- Appends {path, size} of a file, or of all files below a folder, by name.
local function add_files(files, path)
  local kind, size = core.stat(path)
  if not kind then error(size, 0) end
  if kind == "directory" then
    local names, why = core.list(path)
    if not names then error(why, 0) end
    for _, name in ipairs(names) do add_files(files, join(path, name)) end
  elseif kind == "file" then
    files[#files + 1] = {path = path, size = size}
  else
    error(("cannot read '%s': it is neither a file nor a directory"):format(path), 0)
  end
end

local function each(inputs)
  if type(inputs) == "function" then return inputs end
  local i = 0
  return function()
    i = i + 1
    return inputs[i]
  end
end

-- The files that the inputs stand for, and the inputs that are records themselves.
local function list_inputs(inputs)
  local files, values, bytes = {}, {}, 0
  for input in each(inputs) do
    if type(input) == "string" then add_files(files, input) else values[#values + 1] = input end
  end
  for _, file in ipairs(files) do bytes = bytes + file.size end
  return files, values, bytes
end

local function add_split(list, file, index, offset, length)
  list[#list + 1] = {path = file.path, index = index, offset = offset, length = length}
end

local function cut_file(list, file, index, most)
  for offset = 0, file.size - 1, most do
    add_split(list, file, index, offset, math.min(most, file.size - offset))
  end
end

local function batches_of(list, most)
  local batches, first, bytes = {}, 1, 0
  for i, split in ipairs(list) do
    bytes = bytes + split.length
    if bytes >= most or i - first + 1 >= MOST_IN_BATCH or i == #list then
      batches[#batches + 1] = {first = first, last = i, bytes = bytes}
      first, bytes = i + 1, 0
    end
  end
  return batches
end

local function cut_files(list, files, records, size)
  local whole = not core.splits(records)
  for index, file in ipairs(files) do
    if whole then add_split(list, file, index, 0, file.size) else cut_file(list, file, index, size) end
  end
end

local function cut_values(list, values, workers)
  local size = math.max(1, math.ceil(#values / (workers * PER_WORKER)))
  for first = 1, #values, size do
    local last = math.min(first + size - 1, #values)
    list[#list + 1] = {first = first, last = last, length = last - first + 1}
  end
  return size
end

--- The plan for a list or an iterator of inputs: paths of files, of directories,
-- which are walked, and other values, which are records themselves. Raises a
-- message when one cannot be read.
function splits.of_inputs(inputs, records, workers)
  local files, values, bytes = list_inputs(inputs)
  local size = clamp(math.ceil(bytes / (workers * PER_WORKER)), SMALLEST, LARGEST)
  local list = {}
  cut_files(list, files, records, size)
  if #values > 0 then cut_values(list, values, workers) end
  return {list = list, batches = batches_of(list, size), values = values, bytes = bytes}
end

--- The plan for a list or an iterator of records; an iterator is run to its end.
function splits.of_values(values, workers)
  local all, list = values, {}
  if type(values) == "function" then
    all = {}
    for value in values do all[#all + 1] = value end
  end
  local size = cut_values(list, all, workers)
  return {list = list, batches = batches_of(list, size), values = all, bytes = #all}
end

--- What a split is called in messages.
function splits.name(split)
  if split.path then return ("%s:%d+%d"):format(split.path, split.offset, split.length) end
  return ("values[%d..%d]"):format(split.first, split.last)
end

return splits
