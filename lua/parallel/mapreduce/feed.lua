--- feed: hands out the input of a job, batch by batch, in its order.
--
-- What is known when the workers are forked (files, lists) is planned, and they
-- inherit the plan. What comes while they work (pipes such as standard input, iterators) is
-- pulled when there is room for it and sent to them. A batch is
--
--    {number, first, last}     splits of the plan; number counts all splits, from 1, and those
--                              which an earlier run has done
--    {number, splits}          splits that are sent; bytes: what they hold of our memory
--
-- and `turn`, its own number.
--
-- Lists among the inputs are read whole when the job begins, so that a missing file is
-- told before anything is done.
local core = require("parallel.core")
local inputs = require("parallel.mapreduce.inputs")
local scratch = require("parallel.mapreduce.scratch")
local splits = require("parallel.mapreduce.splits")

local PIECE = 1024 * 1024 -- of a stream
local MOST_VALUES = 64    -- of an iterator, in a batch
local STDIN = 0

local Feed = {}
Feed.__index = Feed

-- ---- streams --------------------------------------------------------------

-- Standard input, or a pipe that has a name.
local function open_stream(self, split)
  if split.path ~= "-" then
    local pipe, why = core.file(split.path, "stream")
    if not pipe then error(why, 0) end
    self.pipe = pipe
  end
  self.stream_count = self.stream_count + 1
  self.stream = {split = split, number = self.stream_count, header = {},
                 fd = self.pipe and self.pipe:fd() or STDIN}
  self.intake = core.intake(self.stream.fd, self.job.records)
end

local function close_stream(self)
  if self.pipe then self.pipe:close() end
  self.pipe, self.intake, self.stream = nil, nil, nil
end

-- True when the lines of the header are there, or will never be.
local function take_header(self)
  local header = self.stream.header
  while #header < (self.job.header or 0) do
    local line = self.intake:line()
    if not line then return self.intake:ended() end
    table.insert(header, line)
  end
  return true
end

local function is_dry(stream) return #core.poll({stream.fd}, 0) == 0 end

-- A piece that is large enough, or, when somebody is idle and nothing more comes
-- at the moment, whatever there is.
local function next_piece(self, is_idle)
  if not take_header(self) then return nil end
  local stream, file = self.stream, self.stream_files[self.stream.number]
  local least = is_idle and is_dry(stream) and 1 or math.max(PIECE, self.job.block or 0)
  local offset, length = self.intake:cut(file:fd(), least)
  if not offset then return nil end
  self.plan.bytes = self.plan.bytes + length
  return {splits = {{path = stream.split.path, index = stream.split.index, offset = offset, length = length,
                     piece = stream.number, header = self.job.header and stream.header}}, bytes = length}
end

-- The next batch of the stream; nil when more must be read, or there is none left.
local function take_stream(self, is_idle)
  local batch = next_piece(self, is_idle)
  if not batch and self.intake:ended() then close_stream(self) end
  return batch
end

--- The descriptor to be read before there is more; nil when it is not that.
function Feed:awaits() return self.stream and self.stream.fd end

--- Read once: what awaits() said is readable.
function Feed:read() self.intake:read() end

--- The descriptors of the files in which pieces of streams stand, by the pieces' `piece`.
function Feed:stream_fds()
  local fds = {}
  for i, file in ipairs(self.stream_files) do fds[i] = file:fd() end
  return fds
end

-- ---- iterators ------------------------------------------------------------

local function add_path(self, list, path)
  local files, cut, bytes = {}, {}, 0
  inputs.add(files, path)
  for _, file in ipairs(files) do
    if file.stream then
      error(("cannot read '%s': a stream cannot come from an iterator"):format(file.path), 0)
    end
    self.index, bytes = self.index + 1, bytes + file.size
    splits.cut_file(cut, file, self.index, self.job, splits.size(math.huge, self.job))
  end
  for _, split in ipairs(splits.left(cut, self.job)) do list[#list + 1] = split end
  self.plan.bytes = self.plan.bytes + bytes
  return bytes
end

local function add_record(self, list, value)
  self.index = self.index + 1
  local last = list[#list]
  if not (last and last.values) then
    last = {first = self.index, length = 0, values = {}}
    list[#list + 1] = last
  end
  table.insert(last.values, value)
  last.last, last.length = self.index, last.length + 1
  if self.job.values then self.plan.bytes = self.plan.bytes + 1 end
end

local function take_pulled(self)
  local list, bytes, count = {}, 0, 0
  while count < self.pulled_at_once and bytes < PIECE do
    local item = self.pull()
    if item == nil then
      self.pull = nil
      break
    end
    count = count + 1
    if type(item) == "string" and not self.job.values then bytes = bytes + add_path(self, list, item)
    else add_record(self, list, item) end
  end
  self.pulled_at_once = math.min(2 * self.pulled_at_once, MOST_VALUES)
  return #list > 0 and {splits = list} or nil
end

-- ---- all ------------------------------------------------------------------

local function take_planned(self)
  local batch = self.plan.batches[self.next_batch]
  if not batch then return nil end
  self.next_batch = self.next_batch + 1
  self.count = self.count + (batch.gap or 0)
  self.left_out = self.left_out + (batch.gap or 0)
  if not batch.stream then return {first = batch.first, last = batch.last} end
  open_stream(self, self.plan.list[batch.first])
end

local function take(self, is_idle)
  if self.stream then return take_stream(self, is_idle) end
  if self.pull then return take_pulled(self) end
  return take_planned(self)
end

local function count_of(batch) return batch.splits and #batch.splits or batch.last - batch.first + 1 end

--- The next batch; nil when there is none, or none yet (see awaits). `is_idle`: a
-- worker has nothing to do.
function Feed:next(is_idle)
  local batch
  repeat
    local stream, had = self.stream, self.next_batch
    batch = take(self, is_idle)
    local moved = self.stream ~= stream or self.next_batch ~= had
  until batch or not moved
  if not batch then return nil end
  self.turn = self.turn + 1
  batch.turn, batch.number, batch.count = self.turn, self.count + 1, count_of(batch)
  self.count = self.count + batch.count
  return batch
end

--- The split of this number, which is of this batch.
function Feed:split(batch, number)
  local i = number - batch.number
  return batch.splits and batch.splits[i + 1] or self.plan.list[batch.first + i]
end

--- The batch will not be asked for again: what it holds is given back.
function Feed:release(batch)
  for _, split in ipairs(batch.splits or {}) do
    if split.piece then self.stream_files[split.piece]:release(split.offset, split.length) end
  end
  batch.splits, batch.payload = batch.splits and {}, nil
end

function Feed:close()
  close_stream(self)
  for _, file in ipairs(self.stream_files) do file:close() end
  self.stream_files = {}
end

local function empty_plan() return {list = {}, batches = {}, values = {}, bytes = 0} end

local function plan_of(job, given)
  if type(given) == "function" then return empty_plan() end
  if job.values then return splits.of_values(given, job) end
  return splits.of_inputs(given, job)
end

-- Workers inherit them, and so they are there before it is known what will be in them.
local function open_stream_files(self)
  for _, split in ipairs(self.plan.list) do
    if split.stream then table.insert(self.stream_files, scratch()) end
  end
end

local feed = {}

--- The feed of a job, whose inputs are `otherwise` when it names none.
function feed.new(job, otherwise)
  local given = job.values or job.inputs or otherwise
  local self = setmetatable({
    job = job, plan = plan_of(job, given), next_batch = 1, count = 0, left_out = 0, turn = 0, index = 0,
    stream_count = 0, stream_files = {},
    pull = type(given) == "function" and given or nil, pulled_at_once = 1,
  }, Feed)
  open_stream_files(self)
  return self
end

return feed
