--- splits: cut the inputs of a job into pieces that workers can map side by side.
--
-- A split is {path, index, offset, length} of a file, which had this {size, mtime},
-- {first, last, index} of a list of values, where index is the input that the first is, or {stream}
-- for what is not there yet: a pipe. Several small ones make a batch, which is what a
-- worker is sent; big files are cut without looking into them, and whoever reads a split finds
-- the record boundaries.
local core = require("parallel.core")
local inputs = require("parallel.mapreduce.inputs")

-- Small enough that workers end together and a crash costs little, large enough
-- that handing them out costs nothing.
local PER_WORKER = 64
local SMALLEST, LARGEST = 256 * 1024, 4 * 1024 * 1024
local MOST_IN_BATCH, MOST_IN_COMMIT = 1000, 20 -- the latter with a journal: nothing less can be committed

local splits = {}

local function clamp(n, low, high) return math.max(low, math.min(high, n)) end

local function add_value(list, values, value)
  values[#values + 1] = value
  local last = list[#list]
  if not (last and last.first) then
    last = {first = #values}
    list[#list + 1] = last
  end
  last.last = #values
end

-- What the inputs stand for, in their order: files, and runs of values.
local function list_inputs(given)
  local list, values, bytes = {}, {}, 0
  for _, input in ipairs(given) do
    if type(input) == "string" then inputs.add(list, input) else add_value(list, values, input) end
  end
  for _, file in ipairs(list) do bytes = bytes + (file.size or 0) end
  return list, values, bytes
end

local function cut_values(list, first, last, index, size)
  for from = first, last, size do
    local to = math.min(from + size - 1, last)
    list[#list + 1] = {first = from, last = to, index = index + from - first, length = to - from + 1}
  end
end

--- Append the splits of a file {path, size, mtime}, which is the input of this index.
function splits.cut_file(list, file, index, job, most)
  local whole = inputs.is_packed(file.path) or not core.splits(job.records)
  if whole then most = math.max(file.size, 1) end
  for offset = 0, math.max(file.size, whole and 1 or 0) - 1, most do
    list[#list + 1] = {path = file.path, index = index, offset = offset, size = file.size, mtime = file.mtime,
                       length = math.min(most, file.size - offset)}
  end
end

local function is_done(split, number, job)
  return job.joblog and job.joblog:has(split) or job.journal and job.journal:has(number)
end

--- Those of the list that an earlier run has not done. The numbers of splits count all of them:
-- `gap` says of how many there are none before one.
function splits.left(list, job)
  if not (job.joblog or job.journal) then return list end
  local left, gap = {}, 0
  for number, split in ipairs(list) do
    if is_done(split, number, job) then
      gap = gap + 1
    else
      left[#left + 1], split.gap = split, gap > 0 and gap or nil
      gap = 0
    end
  end
  return left
end

local function batches_of(list, most, most_splits)
  local batches, first, bytes = {}, 1, 0
  for i, split in ipairs(list) do
    bytes = bytes + split.length
    local next_one = list[i + 1]
    if bytes >= most or i - first + 1 >= most_splits or not next_one
      or next_one.gap or split.stream or next_one.stream then
      batches[#batches + 1] = {first = first, last = i, bytes = bytes, stream = split.stream,
                               gap = list[first].gap}
      first, bytes = i + 1, 0
    end
  end
  return batches
end

local function bytes_of(list)
  local bytes = 0
  for _, split in ipairs(list) do bytes = bytes + (split.path and split.length or 0) end
  return bytes
end

local function size_of_values(count, workers)
  return math.max(1, math.ceil(count / (workers * PER_WORKER)))
end

local function cut(list, input, index, job, size, value_size)
  if input.stream then
    list[#list + 1] = {path = input.path, index = index, length = 0, stream = true}
  elseif input.first then
    cut_values(list, input.first, input.last, index, value_size)
  else
    splits.cut_file(list, input, index, job, size)
  end
end

-- Of a job that is repeatable the splits do not depend on how many workers there are.
local function workers_of(job) return job.seed and 1 or job.workers end

--- How large the splits of so many bytes shall be.
function splits.size(bytes, job)
  local kept = job.journal or job.joblog
  if kept then return math.max(kept.SIZE_OF_SPLIT, job.block or 0) end
  return math.max(clamp(math.ceil(bytes / (workers_of(job) * PER_WORKER)), SMALLEST, LARGEST), job.block or 0)
end

local function all_splits(found, values, size, job)
  local list, value_size = {}, size_of_values(#values, workers_of(job))
  local index = 1
  for _, input in ipairs(found) do
    cut(list, input, index, job, size, value_size)
    index = index + (input.first and input.last - input.first + 1 or 1)
  end
  return list
end

--- The plan for a list of inputs (see parallel.mapreduce.job): {list, batches, values, bytes}; its
-- `bytes` are those of what is left to do. Raises a message when one cannot be read.
function splits.of_inputs(given, job)
  local found, values, bytes = list_inputs(given)
  if job.journal then job.journal:go_on(job, found) end
  local size = splits.size(bytes, job)
  local list = splits.left(all_splits(found, values, size, job), job)
  local most_splits = job.journal and MOST_IN_COMMIT or MOST_IN_BATCH
  return {list = list, batches = batches_of(list, #values > 0 and 1 or size, most_splits), values = values,
          bytes = bytes_of(list)}
end

--- The plan for a list of records.
function splits.of_values(values, job)
  local list = {}
  cut_values(list, 1, #values, 1, size_of_values(#values, workers_of(job)))
  return {list = list, batches = batches_of(list, 1, MOST_IN_BATCH), values = values, bytes = #values}
end

--- What a split is called in messages.
function splits.name(split)
  if split.path then return ("%s:%d+%d"):format(split.path, split.offset or 0, split.length) end
  return ("values[%d..%d]"):format(split.first, split.last)
end

return splits
