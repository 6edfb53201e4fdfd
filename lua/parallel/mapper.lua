--- mapper: what a worker does in a map-reduce job. Runs in the worker only.
--
-- Three kinds of tasks: map a batch of splits into the worker's combining table;
-- commit the table as sorted runs, one per partition; reduce one partition.
local core = require("parallel.core")
local identity = require("parallel.identity")

-- A table larger than this is committed, so that mapping goes on in a small one.
local LARGEST_TABLE = 64 * 1024 * 1024

local Mapper = {}
Mapper.__index = Mapper

local function map_values(self, split, info)
  local map, emit, values = self.job.map, self.emitter, self.plan.values
  for i = split.first, split.last do
    info.index = i
    map(values[i], emit, info)
  end
end

function Mapper:map_split(split)
  local job, info = self.job, {path = split.path, offset = split.offset, index = split.index}
  if job.map_begin then job.map_begin(info) end
  if split.path then
    split.records = job.records
    core.map_split(self.reader, split, job.map, self.emitter, info, self.progress)
  else
    map_values(self, split, info)
  end
  if job.map_end then job.map_end(self.emitter) end
end

function Mapper:map(first, last)
  for number = first, last do
    self.worker:item(number)
    self.emitter:split(number)
    self:map_split(self.plan.list[number])
  end
  return self.emitter:bytes() > LARGEST_TABLE and self:commit() or ""
end

function Mapper:commit()
  return self.emitter:commit(self.run_files[self.worker:index()]:fd())
end

function Mapper:reduce(partition, runs)
  local job = self.job
  return core.reduce({
    runs = runs, partition = partition, combine = job.combine, reduce = job.reduce,
    sort = job.sort_by, desc = job.descending, top = job.top, format = job.format,
    fd = self.output_files[self.worker:index()]:fd(),
  })
end

local mapper = {}

--- The functions `begin` and `handle` of core.pool for this job.
-- run_files and output_files are scratch files, one for each worker, which it alone writes.
function mapper.service(job, plan, run_files, output_files)
  local self = setmetatable(
    {job = job, plan = plan, run_files = run_files, output_files = output_files}, Mapper)

  local function begin(worker)
    identity.become(plan.descent, ("mapreduce worker %d"):format(worker:index()), true,
      {id = worker:index(), workers = job.workers})
    self.worker, self.progress = worker, worker:progress()
    self.reader = core.reader()
    self.emitter = core.emitter({combine = job.combine, partitions = job.partitions})
  end

  local function handle(_, task)
    local kind, a, b = core.decode(task)
    return self[kind](self, a, b)
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
  local begin, handle = mapper.service(
    letter.job, letter.plan, files_of(letter.run_fds), files_of(letter.output_fds))
  return {begin = begin, handle = handle}
end

return mapper
