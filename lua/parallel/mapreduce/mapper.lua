--- mapper: what a worker does in a map-reduce job. Runs in the worker only.
--
-- Three kinds of tasks: map a batch of splits into the worker's combining table;
-- commit the table as sorted runs, one per partition; reduce one partition.
-- A map-only job has the first kind alone, and its pairs stand in a file at once.
local core = require("parallel.core")
local counters = require("parallel.mapreduce.counters")
local depots = require("parallel.mapreduce.depots")
local identity = require("parallel.process.identity")
local seeding = require("parallel.base.seeding")

-- Of a job with a journal: seconds between commits, and how many times as long as what the last
-- one took, so that it is a small part of the work.
local PAUSE, SHARE = 2, 10

local Mapper = {}
Mapper.__index = Mapper

-- ---- one split ------------------------------------------------------------

local function map_values(self, split, info)
  local map, emit, values = self.job.map, self.emitter, split.values or self.plan.values
  local before = split.values and split.first - 1 or 0
  local inputs_before = (split.index or split.first) - split.first
  for i = split.first, split.last do
    info.index = inputs_before + i
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
    split.piece, info.header = self.stream_fds[split.piece], split.header
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
      times[number + i] = map_one(self, number + i, sent and sent[i + 1] or self.plan.list[first + i])
    end
  end
  return next(times) and times or nil
end

-- ---- tasks ----------------------------------------------------------------

-- Half full: the emitter would soon write it anyway, and then nothing could be committed.
local function is_due(self)
  return self.emitter:bytes() > self.budget.table / 2
    or (self.journal_fd ~= nil and core.clock() >= self.commit_at)
end

--- What the worker's table holds, as runs; in a journal they are on disk.
function Mapper:runs()
  local began = core.clock()
  self.worker:item() -- it is not for the last split to answer for
  local runs = self.emitter:commit()
  if self.journal_fd then
    local ok, why = core.sync(self.journal_fd)
    if not ok then error(("cannot write the journal '%s': %s"):format(self.depots.journal, why), 0) end
  end
  self.commit_at = core.clock() + math.max(PAUSE, SHARE * (core.clock() - began))
  return runs
end

-- Splits of the plan, from the first to the last, or those that were sent; but not those whose
-- numbers are in `without`.
function Mapper:map(number, first, last, sent, without)
  local times = map_splits(self, number, first, last, sent, without)
  local runs = is_due(self) and self:runs() or nil
  return {runs = runs, counters = counters.take(), times = times}
end

-- The same in a map-only job.
function Mapper:print(number, first, last, sent, without, to_disk)
  local index = self.worker:index()
  self.emitter:begin(to_disk and self.depots.disk[index] or self.depots.memory[index])
  local times = map_splits(self, number, first, last, sent, without)
  local offset, length, count = self.emitter:finish()
  return {offset = offset, length = length, count = count, counters = counters.take(), times = times}
end

function Mapper:commit() return {runs = self:runs()} end

function Mapper:reduce(partition, runs)
  local job, began = self.job, self.job.is_timed and core.clock()
  self.emitter:free()
  local descriptor, _, records = core.reduce({
    runs = runs, partition = partition, combine = job.combine, reduce = job.reduce, spread = job.spreads,
    sort = job.sort_by, desc = job.descending, top = job.top, format = job.format,
    depot = self.depot, memory = self.budget.merge, worker = self.worker.watch or self.worker,
  })
  return {output = descriptor, records = records, counters = counters.take(),
          time = began and {began, core.clock() - began} or nil}
end

local mapper = {}

local function new_emitter(self)
  local job = self.job
  if job.is_map_only then return core.printer({format = job.format, tag = job.tag}) end
  return core.emitter({combine = job.combine, partitions = job.partitions, keeps_alone = job.spreads,
                       depot = self.depots:for_runs(self.worker:index()), memory = self.budget.table})
end

local function dispatch(self, kind, ...) return self[kind](self, ...) end

local function introduce(worker, job, descent)
  identity.become(descent, ("mapreduce worker %d"):format(worker:index()), true,
    {id = worker:index(), workers = job.workers, seed = job.seed})
end

--- The functions `begin` and `handle` of core.pool for this job.
-- `plan` and `stream_fds` are those of its feed, `budget` and `kept` of parallel.budget and parallel.depots.
function mapper.service(job, plan, stream_fds, budget, kept)
  local self = setmetatable({job = job, plan = plan, stream_fds = stream_fds, budget = budget,
                             depots = kept, tags = job.tag,
                             reseed = seeding.of(job.seed)}, Mapper)

  local function begin(worker)
    if not job.is_inline then introduce(worker, job, plan.descent) end
    self.worker, self.progress = worker, worker:progress()
    self.reader, self.headers = core.reader(), {}
    self.depot, self.journal_fd = kept:of(worker:index()), kept.runs and kept.runs[worker:index()]
    self.commit_at = core.clock() + PAUSE
    self.emitter = new_emitter(self)
    counters.take()
  end

  -- print does not look whether it went well, so we do: what a full disk or a reader that is
  -- gone did not take is missing in what the job makes.
  local function handle(_, task)
    local reply = dispatch(self, core.decode(task))
    reply.unprinted = select(2, core.flush_output())
    return core.encode(reply)
  end

  return begin, handle
end

--- In a worker that inherited nothing: the same functions, from the letter.
function mapper.recruited(letter)
  local begin, handle = mapper.service(letter.job, letter.plan, letter.stream_fds, letter.budget,
                                       depots.received(letter.depots))
  return {begin = begin, handle = handle}
end

return mapper
