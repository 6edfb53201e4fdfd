--- feed: hands out the input of a job, batch by batch, in its order.
--
-- What is known when the workers are forked (files, lists) is planned, and they
-- inherit the plan. What comes while they work (standard input, iterators) is
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
local inputs = require("parallel.inputs")
local splits = require("parallel.splits")

local PIECE = 1024 * 1024 -- of standard input
local MOST_VALUES = 64    -- of an iterator, in a batch
local STDIN = 0

local Feed = {}
Feed.__index = Feed

-- ---- standard input -------------------------------------------------------

local function open_stream(self)
  self.intake = core.intake(STDIN, self.job.records)
  self.header = {}
end

-- True when the lines of the header are there, or will never be.
local function take_header(self)
  while #self.header < (self.job.header or 0) do
    local line = self.intake:line()
    if not line then return self.intake:ended() end
    table.insert(self.header, line)
  end
  return true
end

local function is_dry() return #core.poll({STDIN}, 0) == 0 end

-- A piece that is large enough, or, when somebody is idle and nothing more comes
-- at the moment, whatever there is.
local function next_piece(self, is_idle)
  if not take_header(self) then return nil end
  local least = is_idle and is_dry() and 1 or math.max(PIECE, self.job.block or 0)
  local offset, length = self.intake:cut(self.stream_file:fd(), least)
  if not offset then return nil end
  self.plan.bytes = self.plan.bytes + length
  return {splits = {{path = "-", index = self.stream_index, offset = offset, length = length, piece = true,
                     header = self.job.header and self.header}}, bytes = length}
end

-- The next batch of the stream; nil when more must be read, or there is none left.
local function take_stream(self, is_idle)
  local batch = next_piece(self, is_idle)
  if not batch and self.intake:ended() then self.intake, self.streaming = nil, false end
  return batch
end

--- The descriptor to be read before there is more; nil when it is not that.
function Feed:awaits() return self.streaming and STDIN or nil end

--- Read once: what awaits() said is readable.
function Feed:read() self.intake:read() end

-- ---- iterators ------------------------------------------------------------

local function add_path(self, list, path)
  local files, cut, bytes = {}, {}, 0
  inputs.add(files, path)
  for _, file in ipairs(files) do
    if file.stream then error("cannot read '-': standard input cannot come from an iterator", 0) end
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

local function begin_stream(self, batch)
  self.streaming, self.stream_index = true, self.plan.list[batch.first].index
  if not self.intake then open_stream(self) end
end

local function take_planned(self)
  local batch = self.plan.batches[self.next_batch]
  if not batch then return nil end
  self.next_batch = self.next_batch + 1
  self.count = self.count + (batch.gap or 0)
  self.left_out = self.left_out + (batch.gap or 0)
  if not batch.stream then return {first = batch.first, last = batch.last} end
  begin_stream(self, batch)
end

local function take(self, is_idle)
  if self.streaming then return take_stream(self, is_idle) end
  if self.pull then return take_pulled(self) end
  return take_planned(self)
end

local function count_of(batch) return batch.splits and #batch.splits or batch.last - batch.first + 1 end

--- The next batch; nil when there is none, or none yet (see awaits). `is_idle`: a
-- worker has nothing to do.
function Feed:next(is_idle)
  local batch
  repeat
    local was_streaming, had = self.streaming, self.next_batch
    batch = take(self, is_idle)
    local moved = self.streaming ~= was_streaming or self.next_batch ~= had
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
    if split.piece then self.stream_file:release(split.offset, split.length) end
  end
  batch.splits, batch.payload = batch.splits and {}, nil
end

function Feed:close()
  if self.stream_file then self.stream_file:close() end
end

local function empty_plan() return {list = {}, batches = {}, values = {}, bytes = 0} end

local function plan_of(job, given)
  if type(given) == "function" then return empty_plan() end
  if job.values then return splits.of_values(given, job) end
  return splits.of_inputs(given, job)
end

local function has_stream(plan)
  for _, batch in ipairs(plan.batches) do
    if batch.stream then return true end
  end
  return false
end

local feed = {}

--- The feed of a job, whose inputs are `otherwise` when it names none.
function feed.new(job, otherwise)
  local given = job.values or job.inputs or otherwise
  local self = setmetatable({
    job = job, plan = plan_of(job, given), next_batch = 1, count = 0, left_out = 0, turn = 0, index = 0, streaming = false,
    pull = type(given) == "function" and given or nil, pulled_at_once = 1,
  }, Feed)
  if has_stream(self.plan) then self.stream_file = assert(core.scratch()) end
  return self
end

return feed
