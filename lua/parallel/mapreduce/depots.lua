--- depots: the files in which the workers of a map-reduce job keep what they have sorted.
--
-- Each worker has one in memory, for its share, and one on disk, for what is more. They have no
-- names and are made before the workers are forked: replacements inherit them too, and
-- nothing is left behind whoever dies.
local core = require("parallel.core")
local scratch = require("parallel.mapreduce.scratch")

local Depots = {}
Depots.__index = Depots

-- An explicit folder must do; of the usual one it is told when it is needed.
local function open_disk(self, directory, is_explicit)
  local file, why, errno = core.scratch(directory)
  if file then return file end
  if is_explicit then error(("cannot spill to '%s': %s"):format(directory, why:match(": (.*)")), 0) end
  self.refusal = errno
end

--- The depot of a worker (core.depot), by its number.
function Depots:of(worker)
  return core.depot({
    memory = self.memory[worker], most = self.most, disk = self.disk[worker], place = self.place,
    refusal = self.refusal, block = self.block,
  })
end

--- The depot for what a worker commits, by its number: the journal's, when there is one.
function Depots:for_runs(worker)
  if not self.runs then return self:of(worker) end
  return core.depot({disk = self.runs[worker], place = self.journal, block = self.block})
end

--- A depot of the parent's own, when the workers are gone: on disk where that can be.
function Depots:last()
  local disk = self.disk[1]
  return core.depot({memory = not disk and self.memory[1] or nil, disk = disk, place = self.place,
                     block = self.block})
end

--- The files of a worker, by its number: the one in memory, the one on disk or nil.
function Depots:files_of(worker) return self.files[2 * worker - 1], self.files[2 * worker] or nil end

--- What is in the files now is not needed any more once release is called.
function Depots:mark()
  self.marks = {}
  for i, file in ipairs(self.files) do self.marks[i] = file and file:size() end
end

function Depots:release()
  for i, size in pairs(self.marks or {}) do
    if size then self.files[i]:release(0, size) end
  end
end

--- All descriptors.
function Depots:descriptors()
  local fds = {}
  for _, file in ipairs(self.files) do fds[#fds + 1] = file and file:fd() or nil end
  return fds
end

--- What a worker that inherits nothing but the descriptors must know (see depots.received).
function Depots:letter()
  return {memory = self.memory, disk = self.disk, most = self.most, place = self.place,
          refusal = self.refusal, block = self.block, runs = self.runs, journal = self.journal}
end

--- Twice is harmless.
function Depots:close()
  for _, file in ipairs(self.files) do
    if file then file:close() end
  end
  self.files = {}
end

local depots = {}

local function open_journal(self, job)
  if not job.journal then return end
  job.journal:begin(job.workers)
  self.journal, self.runs = job.journal.path, {}
  for worker = 1, job.workers do self.runs[worker] = job.journal:fd(worker) end
end

local function open_files(self, job)
  for worker = 1, job.workers do
    local memory = scratch()
    self.files[2 * worker - 1], self.memory[worker] = memory, memory:fd()
    local disk = not self.refusal and open_disk(self, self.place, job.tmpdir ~= nil)
    self.files[2 * worker], self.disk[worker] = disk or false, disk and disk:fd() or nil
  end
  open_journal(self, job)
end

--- Those of a job, within its `budget` (see parallel.mapreduce.budget). Raises a message.
function depots.open(job, budget)
  local self = setmetatable({
    files = {}, memory = {}, disk = {}, most = budget.files, block = budget.block,
    place = job.tmpdir or os.getenv("TMPDIR") or "/tmp",
  }, Depots)
  local ok, why = pcall(open_files, self, job)
  if ok then return self end
  self:close()
  error(why, 0)
end

--- Those of a letter, in the worker that got it.
function depots.received(letter) return setmetatable(letter, Depots) end

return depots
