--- ledger: which tasks a pool was given, what was told of each, and whether that may have happened.
--
-- A task that is on its own has its outcome told once. One of a map belongs to a job: the list has
-- one outcome, and tells those of its tasks. The workers' logs (see kinds) tell what was run.
local parallel = require "parallel"
local kinds = require "spec.chaos.kinds"

local Ledger = {}
Ledger.__index = Ledger

local ledger = {}

--- Of a pool with these options.
function ledger.new(options)
  return setmetatable({
    options = options, problems = {}, tasks = {}, jobs = {},
    killed = {},        -- by process: a kill was ordered
    stops = 0,          -- how many may have been stopped while they ran
    terminated = false, -- the pool is, or is about to be
    closing = false,    -- the same
  }, Ledger)
end

function Ledger:problem(text, ...) self.problems[#self.problems + 1] = text:format(...) end

-- ---- what is asked of the pool --------------------------------------------

--- One task more; `limit` and `retries` are its own, nil: the pool's.
function Ledger:add(kind, limit, retries)
  local task = {id = #self.tasks + 1, kind = kind, limit = limit, retries = retries}
  task.name = ("task %d (%s)"):format(task.id, kind)
  self.tasks[task.id] = task
  if limit then self.stops = self.stops + 1 end
  return task
end

--- A map of tasks that are still to be added to job.tasks.
function Ledger:add_job()
  local job = {tasks = {}, name = ("map %d"):format(#self.jobs + 1)}
  self.jobs[#self.jobs + 1] = job
  return job
end

--- Nobody wants what has no outcome yet of this task or job: it was cancelled, or left.
function Ledger:stop(subject)
  self.stops = self.stops + 1
  for _, task in ipairs(subject.tasks or {subject}) do
    task.stopped_at = task.stopped_at or #self.tasks
  end
end

--- cancel() of this one said true.
function Ledger:cancel(subject)
  subject.cancelled = true
  self:stop(subject)
end

--- cancel() of this one said false at this time: all that belongs to it has been run.
function Ledger:refuse(subject, time) subject.over_by = subject.over_by or time end

--- May this be raised since the pool is closed?
function Ledger:is_of_closed_pool(why)
  return (self.closing or self.terminated) and type(why) == "string" and why:find("closed pool", 1, true)
end

-- ---- what was told --------------------------------------------------------

local function retries_of(self, task)
  return task.engine and 0 or task.retries or self.options.retries or 0
end

local HAS_ENDED = "has ended, and what" -- an engine's worker, with the globals it had

-- Why a task may fail so whatever it does itself, by the failure's kind.
local MAY_BE = {
  cancelled = function(self, task) return task.cancelling or self.terminated end,
  timeout = function(self, task) return task.limit or self.options.timeout end,
  died = function(self, task, failure)
    return self.killed[failure.pid] or task.engine and failure.message:find(HAS_ENDED, 1, true)
  end,
}

local function is_explained(self, task, failure)
  if task.cancelled then return failure.kind == "cancelled" end
  local may_be = MAY_BE[failure.kind]
  return may_be and may_be(self, task, failure) or kinds.causes(task, failure)
end

local function check_failure(self, task, failure, where)
  local counts = failure.kind == "died" or failure.kind == "timeout"
  if not is_explained(self, task, failure) then
    self:problem("%s failed without reason in %s: %s: %s", task.name, where, failure.kind,
      tostring(failure))
  elseif counts and not task.engine and failure.attempts ~= 1 + retries_of(self, task) then
    self:problem("%s was given up after %s attempts: %s", task.name, tostring(failure.attempts),
      tostring(failure))
  end
end

local function check_value(self, task, value, where)
  task.has_value = true
  if task.cancelled then self:problem("%s was cancelled and has a value in %s", task.name, where) end
  if not kinds.returns(task, value) then
    self:problem("%s has a wrong value in %s: %s", task.name, where, tostring(value):sub(1, 60))
  end
end

local function note_outcome(self, subject, where)
  if subject.outcome then
    self:problem("%s has two outcomes, in %s and in %s", subject.name, subject.outcome, where)
  end
  subject.outcome = where
end

local function task_outcome(self, task, ok, value, where)
  if ok then check_value(self, task, value, where)
  elseif parallel.is_failure(value) then check_failure(self, task, value, where)
  else self:problem("%s raised no Failure in %s: %s", task.name, where, tostring(value)) end
end

local function take(list, value)
  for i, task in ipairs(list) do
    if kinds.returns(task, value) then return table.remove(list, i) end
  end
end

-- Results in no order, or with some left out: each value must be of a task of its own.
local function check_bag(self, job, values, where)
  local left = {}
  for i, task in ipairs(job.tasks) do left[i] = task end
  for i = 1, values.n do
    if parallel.is_failure(values[i]) then
      self:outcome(job.tasks[values[i].index], false, values[i], where)
    elseif not take(left, values[i]) then
      self:problem("result %d of %s is of none of its tasks: %s", i, job.name,
        tostring(values[i]):sub(1, 60))
    end
  end
end

local function check_list(self, job, values, where)
  if job.cancelled then self:problem("%s was cancelled and has a value in %s", job.name, where) end
  if (job.raises or math.huge) <= #job.tasks then
    self:problem("%s has a value, though its input raises", job.name)
  end
  if job.on_error ~= "skip" and values.n ~= #job.tasks then
    self:problem("%s of %d items has %s results", job.name, #job.tasks, tostring(values.n))
  end
  if job.on_error == "skip" or job.unordered then return check_bag(self, job, values, where) end
  for i, task in ipairs(job.tasks) do
    self:outcome(task, not parallel.is_failure(values[i]), values[i], where)
  end
end

local function check_job_failure(self, job, why, where)
  if job.raises and tostring(why):find("the input's own", 1, true) then return end
  local says_so = parallel.is_failure(why, "cancelled")
  if says_so and (job.cancelled or MAY_BE.cancelled(self, job)) then return end
  if job.cancelled then
    self:problem("%s was cancelled, and raised %s", job.name, tostring(why))
  elseif job.on_error == "raise" and parallel.is_failure(why) and job.tasks[why.index] then
    self:outcome(job.tasks[why.index], false, why, where)
  else
    self:problem("%s raised in %s: %s", job.name, where, tostring(why))
  end
end

--- The outcome of a task or job: whether it is a value, and that or what was raised.
function Ledger:outcome(subject, ok, value, where)
  note_outcome(self, subject, where)
  if not ok and self:is_of_closed_pool(value) then return end
  if not subject.tasks then task_outcome(self, subject, ok, value, where)
  elseif ok then check_list(self, subject, value, where)
  else check_job_failure(self, subject, value, where) end
end

-- ---- what was run ---------------------------------------------------------

-- A worker reads what it is sent in order: after a later task it cannot begin one that was stopped
-- before that one came to be.
local function note_start(self, task, time, latest)
  task.starts = (task.starts or 0) + 1
  if task.stopped_at and latest > task.stopped_at then
    self:problem("%s was stopped, and was run after task %d, which came later", task.name, latest)
  end
  if task.over_by and time > task.over_by then
    self:problem("%s was said to have ended, and was run then", task.name)
  end
end

--- One worker's log.
function Ledger:read(lines)
  local latest = 0
  for line in lines do
    local word, id, time = line:match("^(%a+) (%d+) (%S+)$")
    local task = self.tasks[tonumber(id)]
    if word == "finish" then
      task.finished = true
    else
      note_start(self, task, tonumber(time), latest)
      latest = math.max(latest, task.id)
    end
  end
end

local function check_subject(self, subject)
  if subject.awaited and not subject.outcome then self:problem("%s has no outcome", subject.name) end
  if subject.attended and subject.told ~= 1 then
    self:problem("%s was told %d times", subject.name, subject.told or 0)
  end
end

-- One that was sent along with another that is stopped may have begun when their worker ends.
local function check_runs(self, task)
  local most = 1 + retries_of(self, task) + (self.stops > 0 and 1 or 0)
  if (task.starts or 0) > most then self:problem("%s ran %d times", task.name, task.starts) end
  if task.has_value and not task.finished then
    self:problem("%s has a value and did not finish", task.name)
  end
end

--- The list of what must not have happened; empty when all is well.
function Ledger:check()
  for _, job in ipairs(self.jobs) do check_subject(self, job) end
  for _, task in ipairs(self.tasks) do
    check_subject(self, task)
    check_runs(self, task)
  end
  return self.problems
end

return ledger
