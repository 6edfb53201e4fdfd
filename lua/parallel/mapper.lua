--- mapper: what a worker does in a map-reduce job. Runs in the worker only.
--
-- Three kinds of tasks: map a batch of splits into the worker's combining table;
-- commit the table as sorted runs, one per partition; reduce one partition.
-- A map-only job has the first kind alone, and its pairs stand in a file at once.
local core = require("parallel.core")
local counters = require("parallel.counters")
local identity = require("parallel.identity")
local seeding = require("parallel.seeding")

-- A table larger than this is committed, so that mapping goes on in a small one.
local LARGEST_TABLE = 64 * 1024 * 1024

local Mapper = {}
Mapper.__index = Mapper

-- ---- one split ------------------------------------------------------------

local function map_values(self, split, info)
  local map, emit, values = self.job.map, self.emitter, split.values or self.feed.plan.values
  local before = split.values and split.first - 1 or 0
  for i = split.first, split.last do
    info.index = i
    map(values[i - before], emit, info)
  end
end

-- The first lines of the split's file. The reader is left behind them when the
-- split begins there, and is then open.
local function take_header(self, split)
  local known = self.headers[split.path]
  if known and split.offset > known.size then return known.lines end
  local first = {path = split.path, records = split.records, offset = 0, block = split.block,
                 length = split.offset + split.length}
  core.open_split(self.reader, first)
  local lines, size = core.take_lines(self.reader, split.path, self.job.header)
  self.headers = {[split.path] = {lines = lines, size = size}}
  if split.offset > size then self.reader:close() end
  return lines
end

local function prepare_file(self, split, info)
  split.records, split.block = self.job.records, self.job.block
  if split.piece then
    split.piece, info.header = self.feed.stream_file:fd(), split.header
  elseif self.job.header then
    info.header = take_header(self, split)
  end
end

function Mapper:map_split(split)
  local job, info = self.job, {path = split.path, offset = split.offset, index = split.index}
  if split.path then prepare_file(self, split, info) end
  if self.tags then self.emitter:tag(split.path or "") end
  if job.map_begin then job.map_begin(info) end
  if split.path then
    core.map_split(self.reader, split, job.map, self.emitter, info, self.progress)
  else
    map_values(self, split, info)
  end
  if job.map_end then job.map_end(self.emitter) end
end

local function map_one(self, number, split)
  local began = self.job.is_timed and core.clock()
  self.worker:item(number)
  if self.reseed then self.reseed(number) end
  if self.emitter.split then self.emitter:split(number) end
  self:map_split(split)
  return began and {began, core.clock() - began} or nil
end

-- Returns when each began and how long it took, if somebody wants to know.
local function map_splits(self, number, first, last, sent, without)
  local times = {}
  for i = 0, (sent and #sent or last - first + 1) - 1 do
    if not (without and without[number + i]) then
      times[number + i] = map_one(self, number + i, sent and sent[i + 1] or self.feed.plan.list[first + i])
    end
  end
  return next(times) and times or nil
end

-- ---- tasks ----------------------------------------------------------------

-- Splits of the plan, from the first to the last, or those that were sent; but not those whose
-- numbers are in `without`.
function Mapper:map(number, first, last, sent, without)
  local times = map_splits(self, number, first, last, sent, without)
  local runs = self.emitter:bytes() > LARGEST_TABLE and self:commit_table() or nil
  return core.encode({runs = runs, counters = counters.take(), times = times})
end

-- The same in a map-only job.
function Mapper:print(number, first, last, sent, without)
  self.emitter:begin(self:own(self.run_files))
  local times = map_splits(self, number, first, last, sent, without)
  local offset, length, count = self.emitter:finish()
  return core.encode({offset = offset, length = length, count = count, counters = counters.take(),
                      times = times})
end

function Mapper:own(files) return files[self.worker:index()]:fd() end

function Mapper:commit_table() return self.emitter:commit(self:own(self.run_files)) end

function Mapper:commit() return core.encode({runs = self:commit_table()}) end

function Mapper:reduce(partition, runs)
  local job, began = self.job, self.job.is_timed and core.clock()
  local descriptor = core.reduce({
    runs = runs, partition = partition, combine = job.combine, reduce = job.reduce, spread = job.spreads,
    sort = job.sort_by, desc = job.descending, top = job.top, format = job.format,
    fd = self:own(self.output_files),
  })
  return core.encode({output = descriptor, counters = counters.take(),
                      time = began and {began, core.clock() - began} or nil})
end

local mapper = {}

local function new_emitter(job)
  if job.is_map_only then return core.printer({format = job.format, tag = job.tag}) end
  return core.emitter({combine = job.combine, partitions = job.partitions, keeps_alone = job.spreads})
end

local function dispatch(self, kind, ...) return self[kind](self, ...) end

local function introduce(worker, job, descent)
  identity.become(descent, ("mapreduce worker %d"):format(worker:index()), true,
    {id = worker:index(), workers = job.workers, seed = job.seed})
end

--- The functions `begin` and `handle` of core.pool for this job.
-- Of the feed a plan and a stream_file are used.
-- run_files and output_files are scratch files, one for each worker, which it alone writes.
function mapper.service(job, feed, run_files, output_files)
  local self = setmetatable(
    {job = job, feed = feed, run_files = run_files, output_files = output_files, tags = job.tag,
     reseed = seeding.of(job.seed)}, Mapper)

  local function begin(worker)
    if not job.is_inline then introduce(worker, job, feed.plan.descent) end
    self.worker, self.progress = worker, worker:progress()
    self.reader, self.headers = core.reader(), {}
    self.emitter = new_emitter(job)
    counters.take()
  end

  local function handle(_, task)
    return dispatch(self, core.decode(task))
  end

  return begin, handle
end

-- Of the parent's scratch files, in a worker that was given their descriptors.
local function files_of(fds)
  local files = {}
  for worker, fd in ipairs(fds) do
    files[worker] = {fd = function() return fd end}
  end
  return files
end

--- In a worker that inherited nothing: the same functions, from the letter.
function mapper.recruited(letter)
  local feed = {plan = letter.plan, stream_file = files_of(letter.stream_fds)[1]}
  local begin, handle = mapper.service(
    letter.job, feed, files_of(letter.run_fds), files_of(letter.output_fds))
  return {begin = begin, handle = handle}
end

return mapper
