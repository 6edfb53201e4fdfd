--- mapreduce: run a map-reduce job on a pool of its own, exact whoever dies.
--
--    batches of splits -> map tasks -> combining tables in the workers
--        -> commit tasks -> sorted runs -> reduce tasks, one a partition -> Result
--
-- A batch counts once its worker has *committed* it: written its table as runs
-- and told us so. What a worker that dies had not committed is mapped again,
-- by whoever is free; the split that it was mapping is charged a retry.
local attend = require("parallel.attend")
local core = require("parallel.core")
local failure = require("parallel.failure")
local identity = require("parallel.identity")
local job_contract = require("parallel.job")
local mapper = require("parallel.mapper")
local progress = require("parallel.progress")
local recruit = require("parallel.recruit")
local result = require("parallel.result")
local splits = require("parallel.splits")
local start_method = require("parallel.start_method")

local RETRIES_AFTER_DEATH = 2 -- when the job does not say; none after an error
local TICK = 0.1              -- seconds between looks at the progress
local GRACE = 10              -- seconds that the workers have to end

local Run = {}
Run.__index = Run

-- ---- tasks ----------------------------------------------------------------

function Run:submit(task, worker, kind, ...)
  self.tasks[self.pool:submit(core.encode(kind, ...), worker)] = task
  self.unanswered = self.unanswered + 1
end

function Run:submit_batch(batch)
  self:submit({kind = "map", batch = batch}, nil, "map", batch.first, batch.last)
end

function Run:submit_reduce(partition)
  self:submit({kind = "reduce", partition = partition}, nil, "reduce", partition, self.runs)
end

-- Asks every worker that holds something for it.
function Run:ask_for_commits()
  for worker, batches in pairs(self.uncommitted) do
    if #batches > 0 then self:submit({kind = "commit"}, worker, "commit") end
  end
end

-- ---- answers --------------------------------------------------------------

local answers = {}

function Run:committed(worker, runs)
  self.runs[#self.runs + 1] = runs
  self.uncommitted[worker] = {}
end

function answers.map(self, task, worker, runs)
  table.insert(self.uncommitted[worker], task.batch)
  if runs ~= "" then self:committed(worker, runs) end
end

function answers.commit(self, _, worker, runs)
  self:committed(worker, runs)
end

function answers.reduce(self, _, _, output)
  self.outputs[#self.outputs + 1] = output
end

-- ---- failures -------------------------------------------------------------

-- A worker that died before its first split was begun is held against that one.
local function split_of(task, item) return item > 0 and item or task.batch.first end

function Run:label(task, item)
  if task.kind == "map" then return splits.name(self.plan.list[split_of(task, item)]) end
  if task.kind == "reduce" then return "reduce" end
end

function Run:fail(kind, task, worker, detail, attempts)
  error(failure.new({
    kind = kind, label = self:label(task, detail.item), worker = worker, pid = detail.pid,
    message = detail.message, traceback = detail.traceback, signal = detail.signal,
    exitcode = detail.exitcode, attempts = attempts,
  }), 0)
end

-- Counts a failed attempt; raises the Failure when there were too many.
function Run:charge(kind, task, worker, detail, allowed)
  local what = task.kind == "map" and split_of(task, detail.item) or task.partition or task.kind
  local key = task.kind .. ":" .. what
  local attempts = (self.attempts[key] or 0) + 1
  self.attempts[key] = attempts
  if attempts > (self.job.retries or allowed) then
    self:fail(kind, task, worker, detail, attempts)
  end
end

function Run:again(task)
  if task.kind == "map" then self:submit_batch(task.batch) end
  if task.kind == "reduce" then self:submit_reduce(task.partition) end
end

-- What the dead worker's table held is lost with it.
function Run:map_uncommitted_again(worker)
  local lost = self.uncommitted[worker]
  self.uncommitted[worker] = {}
  for _, batch in ipairs(lost) do
    self:submit_batch(batch)
  end
end

local events = {}

function events.result(self, task, worker, reply)
  if self.condemned[worker] and task.kind ~= "reduce" then return self:again(task) end
  answers[task.kind](self, task, worker, reply)
end

-- Half of a split may be in the worker's table by now: only a fresh worker may
-- go on, and what this one still answers from its table does not count.
function events.error(self, task, worker, detail)
  self:charge("error", task, worker, detail, 0)
  self.condemned[worker] = true
  self.pool:kill(worker)
  self:again(task)
end

-- A death that we caused is not charged to the task that happened to run.
function events.death(self, task, worker, detail)
  local condemned = self.condemned[worker]
  self.condemned[worker] = nil
  self:map_uncommitted_again(worker)
  if not task then return end
  if not condemned then self:charge("died", task, worker, detail, RETRIES_AFTER_DEATH) end
  self:again(task)
end

function events.broken(_, _, _, detail)
  error(failure.no_workers(detail), 0)
end

function Run:take_event()
  local kind, number, worker, detail = attend.wait(self.pool, TICK)
  if kind then
    local task = number and self.tasks[number]
    if task then
      self.tasks[number] = nil
      self.unanswered = self.unanswered - 1
    end
    events[kind](self, task, worker, detail)
  end
end

-- ---- the phases -----------------------------------------------------------

function Run:show_progress()
  self.meter:update(math.min(self.pool:stats().progress, self.plan.bytes), self.pool)
end

function Run:work_off()
  while self.unanswered > 0 do
    self:take_event()
    self:show_progress()
  end
end

function Run:holds_uncommitted()
  for _, batches in pairs(self.uncommitted) do
    if #batches > 0 then return true end
  end
  return false
end

function Run:map()
  for _, batch in ipairs(self.plan.batches) do self:submit_batch(batch) end
  self:work_off()
  while self:holds_uncommitted() do
    self:ask_for_commits()
    self:work_off()
  end
end

function Run:reduce()
  if #self.runs == 0 then return end
  for partition = 0, self.job.partitions - 1 do self:submit_reduce(partition) end
  self:work_off()
end

-- One for each worker, which it alone writes.
local function scratch_files(count)
  local files = {}
  for worker = 1, count do files[worker] = assert(core.scratch()) end
  return files
end

local function descriptors(...)
  local fds = {}
  for _, files in ipairs({...}) do
    for _, file in ipairs(files) do fds[#fds + 1] = file:fd() end
  end
  return fds
end

local PARENTS_OWN = {"before", "after", "progress", "inputs", "values"}

-- For workers that inherit nothing but descriptors.
local function letter(run)
  local job = {}
  for name, value in pairs(run.job) do job[name] = value end
  for _, name in ipairs(PARENTS_OWN) do job[name] = nil end
  local ok, enclosed = pcall(recruit.enclose, {
    job = job, plan = {list = run.plan.list, values = run.plan.values, descent = run.plan.descent},
    run_fds = descriptors(run.run_files), output_fds = descriptors(run.output_files)})
  if ok then return recruit.letter("parallel.mapper", enclosed) end
  error(failure.new({kind = "unsendable", message = "cannot send the job: " .. enclosed}), 0)
end

-- The files are made before the workers are forked: replacements inherit them
-- too, and nothing is left behind whoever dies.
function Run:open_pool()
  identity.check_nesting()
  self.plan.descent = identity.descent()
  self.run_files, self.output_files = scratch_files(self.job.workers), scratch_files(self.job.workers)
  local starter = start_method.starter(self.job.start_method)
  local bytes, parcel
  if starter then bytes, parcel = letter(self) end
  local begin, handle = mapper.service(self.job, self.plan, self.run_files, self.output_files)
  local pool, why = core.pool({
    workers = self.job.workers, begin = begin, handle = handle,
    keep = descriptors(self.run_files, self.output_files),
    starter = starter, letter = bytes, parcel = parcel,
  })
  if not pool then error(why, 0) end
  self.pool = pool
end

local function close_all(files)
  for _, file in ipairs(files or {}) do file:close() end
end

function Run:work()
  self:open_pool()
  self:map()
  self:reduce()
  self.pool:drain(GRACE)
  self.meter:finish(self.plan.bytes)
end

-- Workers end and files are closed on every way out; those of the output only
-- live on in the result.
function Run:execute()
  local ok, why = pcall(self.work, self)
  if self.pool then self.pool:close() end
  if not ok then
    self.meter:abandon()
    close_all(self.run_files)
    close_all(self.output_files)
    error(why, 0)
  end
  close_all(self.run_files)
  return result.new(self.job, self.outputs, self.output_files)
end

local function plan_of(job, inputs)
  if job.values then return splits.of_values(job.values, job.workers) end
  return splits.of_inputs(job.inputs or inputs, job.records, job.workers)
end

local function new_run(job, plan)
  local run = setmetatable({
    job = job, plan = plan, meter = progress.new(job.progress, plan.bytes, not job.values),
    tasks = {}, unanswered = 0, attempts = {}, uncommitted = {},
    condemned = {},
    runs = {}, outputs = {},
  }, Run)
  for worker = 1, job.workers do run.uncommitted[worker] = {} end
  return run
end

local mapreduce = {}

--- Run a job (see parallel.job) over its inputs; returns a Result.
-- A job that does not keep the contract raises at `level`, a failed task its
-- Failure, an input that cannot be read a message.
function mapreduce.run(fields, level)
  local job, why = job_contract.prepare(fields)
  if not job then error("bad job: " .. why, (level or 1) + 1) end
  if job.before then job.before() end
  local plan = plan_of(job, rawget(_G, "arg") or {})
  local made = new_run(job, plan):execute()
  if job.after then job.after(made) end
  return made
end

return mapreduce
