--- mapreduce: run a map-reduce job on a pool of its own, exact whoever dies.
--
--    batches of splits -> map tasks -> combining tables in the workers
--        -> commit tasks -> sorted runs -> reduce tasks, one a partition -> Result
--
-- A batch counts once its worker has *committed* it: written its table as runs
-- and told us so. What a worker that dies had not committed is mapped again,
-- by whoever is free; the split that it was mapping is charged a retry.
--
-- A job that neither combines nor reduces has but the first line: what a batch
-- printed goes out as soon as what all batches before it printed is out.
local attend = require("parallel.base.attend")
local budgets = require("parallel.mapreduce.budget")
local chronicle = require("parallel.mapreduce.chronicle")
local core = require("parallel.core")
local counters = require("parallel.mapreduce.counters")
local deferred = require("parallel.base.deferred")
local depots = require("parallel.mapreduce.depots")
local failure = require("parallel.base.failure")
local feeds = require("parallel.mapreduce.feed")
local identity = require("parallel.process.identity")
local job_contract = require("parallel.mapreduce.job")
local losses = require("parallel.mapreduce.losses")
local mapper = require("parallel.mapreduce.mapper")
local outputs = require("parallel.mapreduce.output")
local progress = require("parallel.monitor.progress")
local result = require("parallel.mapreduce.result")
local splits = require("parallel.mapreduce.splits")
local start_method = require("parallel.process.start_method")

local joblog = deferred("parallel.mapreduce.joblog")
local journal = deferred("parallel.mapreduce.journal")
local recruit = deferred("parallel.process.recruit")
local solo = deferred("parallel.mapreduce.solo")

local RETRIES_AFTER_DEATH = 2 -- when the job does not say; none after an error
local TICK = 0.1              -- seconds between looks at the progress
local GRACE = 10              -- seconds that the workers have to end
local TASKS_EACH = 3          -- batches that are handed out, a worker
local BEHIND_EACH = 8         -- batches that may wait for one before them, a worker
local MOST_HELD = 64 * 1024 * 1024 -- bytes of streams that are not committed yet
local LEAST_HELD = 1024 * 1024     -- a worker, however little memory there is

local Run = {}
Run.__index = Run

-- ---- tasks ----------------------------------------------------------------

function Run:submit(task, worker, kind, ...)
  self:send(task, worker, core.encode(kind, ...))
end

function Run:send(task, worker, payload)
  local limit = task.kind ~= "commit" and self.job.timeout or nil -- of each split or key
  self.tasks[self.pool:submit(payload, worker, limit)] = task
  self.unanswered = self.unanswered + 1
end

-- Of the arguments, the fifth are the splits.
local function refuse_value(batch, why)
  local split, i, rest = why:match("^%[5%]%[(%d+)%]%.values%[(%d+)%](.*)")
  if not split then error(why, 0) end
  local index = batch.splits[tonumber(split)].first + i - 1
  error(failure.new({kind = "unsendable", message = ("cannot send values[%d]%s"):format(index, rest)}), 0)
end

local function encode_batch(self, batch)
  local kind = self.job.is_map_only and "print" or "map"
  local ok, payload = pcall(core.encode, kind, batch.number, batch.first, batch.last, batch.splits,
                            batch.without, batch.to_disk)
  if ok then return payload end
  refuse_value(batch, tostring(payload))
end

-- What waits to go out waits on disk when there is much of it, or may soon be.
local function prints_to_disk(self)
  return self.job.is_map_only and self.printed + self.unanswered * self.largest_print > self.budget.total / 2
end

-- What was sent is kept, to be sent again.
function Run:submit_batch(batch)
  if batch.to_disk == nil then batch.to_disk = prints_to_disk(self) end
  local payload = batch.payload or encode_batch(self, batch)
  if batch.splits then batch.payload = payload end
  self:send({kind = "map", batch = batch, sent = core.clock()}, nil, payload)
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

-- ---- handing out ----------------------------------------------------------

-- What waits for its turn, and what may have to be sent again, is bounded.
local function has_room(self)
  local workers = self.job.workers
  local most_held = math.min(MOST_HELD, math.max(self.budget.held, LEAST_HELD * workers))
  return self.unanswered < TASKS_EACH * workers and self.behind < BEHIND_EACH * workers
    and self.held < most_held
end

local function weight(batch) return (batch.bytes or 0) + (batch.payload and #batch.payload or 0) end

function Run:hand_out()
  while has_room(self) and not self.losses.stopping do
    local batch = self.feed:next(self.unanswered < self.job.workers)
    if not batch then return end
    self.behind = self.behind + (self.job.is_map_only and 1 or 0)
    self:submit_batch(batch)
    batch.weight = weight(batch)
    self.held = self.held + batch.weight
  end
end

-- Nobody will ask for the batch again.
local function settle(self, batch)
  self.held = self.held - batch.weight
  counters.merge(self.counters, batch.counters)
  self.chronicle:settled(batch)
  self.feed:release(batch)
end

-- ---- answers --------------------------------------------------------------

local answers = {}

function Run:committed(worker, runs)
  if self.job.journal then self.job.journal:commit(worker, runs, self.uncommitted[worker]) end
  for _, descriptor in ipairs(runs) do self.runs[#self.runs + 1] = descriptor end
  for _, batch in ipairs(self.uncommitted[worker]) do settle(self, batch) end
  self.uncommitted[worker] = {}
end

-- The output of a map-only job goes out in the order of the batches.
local function put_out(self, batch)
  local printed = batch.printed
  self.behind = self.behind - 1
  self.output:take(printed.file, printed.offset, printed.length, printed.count)
  printed.file:release(printed.offset, printed.length)
  self.printed = self.printed - printed.length
  settle(self, batch)
end

local function put_out_in_order(self, batch)
  self.ready[batch.turn] = batch
  while self.ready[self.next_out] do
    local ready = self.ready[self.next_out]
    self.ready[self.next_out] = nil
    self.next_out = self.next_out + 1
    put_out(self, ready)
  end
end

local function printed(self, batch, worker, reply)
  local memory, disk = self.depots:files_of(worker)
  reply.file, batch.printed = batch.to_disk and disk or memory, reply
  self.printed, self.largest_print = self.printed + reply.length, math.max(self.largest_print, reply.length)
  if self.job.ordered == false then put_out(self, batch) else put_out_in_order(self, batch) end
end

function answers.map(self, task, worker, reply)
  task.batch.counters = reply.counters
  self.chronicle:mapped(task.batch, worker, reply.times)
  if self.job.is_map_only then return printed(self, task.batch, worker, reply) end
  table.insert(self.uncommitted[worker], task.batch)
  if reply.runs then self:committed(worker, reply.runs) end
end

function answers.commit(self, _, worker, reply)
  self:committed(worker, reply.runs)
end

function answers.reduce(self, task, worker, reply)
  self.chronicle:reduced(task.partition, worker, reply.time, reply.records)
  self.outputs[#self.outputs + 1] = reply.output
  counters.merge(self.counters, reply.counters)
end

-- ---- failures -------------------------------------------------------------

-- A worker that died before its first split was begun is held against that one.
local function split_of(task, item) return item > 0 and item or task.batch.number end

function Run:label(task, item)
  if task.kind == "map" then return splits.name(self.feed:split(task.batch, split_of(task, item))) end
  if task.kind ~= "reduce" then return nil end
  local found, key = pcall(core.key_of_runs, self.runs, task.partition, item)
  return found and key and ("reduce of key '%s'"):format(key) or "reduce"
end

-- A split that failed for good: the job may go on without it.
function Run:lose(task, number, failed)
  local batch = task.batch
  self.chronicle:failed(self.feed:split(batch, number), failed, task.sent)
  self.losses:take(failed, math.max(#self.feed.plan.list, self.feed.count))
  batch.without = batch.without or {}
  batch.without[number], batch.payload = true, nil
end

-- An error that is a text is its own value.
local function value_of(kind, detail)
  if kind ~= "error" or detail.value ~= nil then return detail.value end
  return detail.message
end

function Run:fail(kind, task, worker, detail, attempts)
  local failed = failure.new({
    kind = kind, label = self:label(task, detail.item), worker = worker, pid = detail.pid,
    message = detail.message, traceback = detail.traceback, value = value_of(kind, detail),
    signal = detail.signal, exitcode = detail.exitcode, attempts = attempts,
  })
  if task.kind ~= "map" then error(failed, 0) end
  self:lose(task, split_of(task, detail.item), failed)
end

function Run:note(...)
  if self.job.note then self.job.note(string.format(...)) end
end

-- Counts a failed attempt; when there were too many, what failed is lost.
function Run:charge(kind, task, worker, detail, allowed)
  local what = task.kind == "map" and split_of(task, detail.item) or task.partition or task.kind
  local key = task.kind .. ":" .. what
  local attempts = (self.attempts[key] or 0) + 1
  self.attempts[key] = attempts
  if attempts > (self.job.retries or allowed) then
    return self:fail(kind, task, worker, detail, attempts)
  end
  self:note("%s failed, and runs again", self:label(task, detail.item) or key)
end

function Run:again(task)
  self.retried = self.retried + 1
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

-- Was it stopped at its limit? What it says then is core/lua/stop.c's; where it was is in front.
local function overtime(self, detail)
  local place = detail.message:match("^(.-):? ?the task was cancelled or took too long")
  if not (place and self.job.timeout) then return false end
  detail.message = ("timed out after %s s%s"):format(
    self.job.timeout, place ~= "" and ", at " .. place or "")
  return true
end

local events = {}

function events.result(self, task, worker, reply)
  local is_lost = task.kind ~= "reduce" and not self.job.is_map_only
  if self.condemned[worker] and is_lost then return self:again(task) end
  reply = core.decode(reply)
  if reply.unprinted then error("cannot write the output: " .. reply.unprinted, 0) end
  answers[task.kind](self, task, worker, reply)
end

-- Half of a split may be in the worker's table by now: only a fresh worker may
-- go on, and what this one still answers from its table does not count.
function events.error(self, task, worker, detail)
  self:charge(overtime(self, detail) and "timeout" or "error", task, worker, detail, 0)
  self.condemned[worker] = true
  self.pool:kill(worker)
  self:again(task)
end

-- A death that we caused is not charged to the task that happened to run.
function events.death(self, task, worker, detail)
  local ours = self.condemned[worker] or detail.ordered
  self.deaths = self.deaths + (ours and 0 or 1)
  if not ours then self.chronicle:died(worker) end
  self:map_uncommitted_again(worker)
  if not task then
    self.condemned[worker] = nil
    return
  end
  if detail.ordered and not (self.condemned[worker] or detail.innocent) then
    detail.message = ("timed out after %s s"):format(self.job.timeout)
    self:charge("timeout", task, worker, detail, 0)
  elseif not ours then
    self:charge("died", task, worker, detail, RETRIES_AFTER_DEATH)
  end
  self.condemned[worker] = nil
  self:again(task)
end

function events.broken(_, _, _, detail)
  error(failure.no_workers(detail), 0)
end

-- True when it is the stream that there is something to be had of.
local function await_stream(self)
  if self.losses.stopping then return false end
  local stream, pool = self.feed:awaits(), self.pool:descriptor()
  if not (stream and has_room(self)) then return false end
  local is_readable
  for _, fd in ipairs(attend.poll({stream, pool}, self.unanswered > 0 and TICK or nil)) do
    is_readable = is_readable or fd == stream
  end
  if is_readable then self.feed:read() end
  return true
end

function Run:take_event()
  local waited = await_stream(self)
  local kind, number, worker, detail = attend.wait(self.pool, waited and 0 or TICK)
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
  if not self.meter:due() then return end
  self.meter.total = self.feed.plan.bytes -- of a stream it grows
  self.meter:update(math.min(self.pool:stats().progress, self.feed.plan.bytes), self.pool)
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

-- Streams are held until they are committed, so when too much is held, all shall be.
function Run:map()
  while true do
    self:hand_out()
    if self.unanswered > 0 or (self.feed:awaits() and has_room(self) and not self.losses.stopping) then
      self:take_event()
    elseif self:holds_uncommitted() and #self.losses.failed == 0 then
      self:ask_for_commits()
    else
      return
    end
    self:show_progress()
  end
end

function Run:reduce()
  if #self.runs == 0 then return end
  self.depots:mark()
  for partition = 0, self.job.partitions - 1 do self:submit_reduce(partition) end
  self:work_off()
end

local PARENTS_OWN = {"before", "after", "progress", "inputs", "values", "output", "note", "warn", "joblog",
                     "journal", "on_failure"}

-- For workers that inherit nothing but descriptors.
local function letter(run)
  local job, plan = {}, run.feed.plan
  for name, value in pairs(run.job) do job[name] = value end
  for _, name in ipairs(PARENTS_OWN) do job[name] = nil end
  local ok, enclosed = pcall(recruit.enclose, {
    job = job, plan = {list = plan.list, values = plan.values, descent = plan.descent},
    budget = run.budget, depots = run.depots:letter(), stream_fds = run.feed:stream_fds()})
  if ok then return recruit.letter("parallel.mapreduce.mapper", enclosed) end
  error(failure.new({kind = "unsendable", message = "cannot send the job: " .. enclosed}), 0)
end

local function kept_descriptors(self)
  local fds = self.depots:descriptors()
  for _, fd in ipairs(self.job.journal and self.job.journal:descriptors() or {}) do fds[#fds + 1] = fd end
  for _, fd in ipairs(self.feed:stream_fds()) do fds[#fds + 1] = fd end
  return fds
end

function Run:open_pool()
  identity.check_nesting()
  self.feed.plan.descent = identity.descent()
  self.depots = depots.open(self.job, self.budget)
  local starter = not self.job.is_inline and start_method.starter(self.job.start_method) or nil
  local bytes, parcel
  if starter then bytes, parcel = letter(self) end
  local begin, handle = mapper.service(self.job, self.feed.plan, self.feed:stream_fds(), self.budget,
                                       self.depots)
  local pool, why = (self.job.is_inline and solo.open or core.pool)({
    workers = self.job.workers, begin = begin, handle = handle,
    keep = kept_descriptors(self),
    starter = starter, letter = bytes, parcel = parcel,
  })
  if not pool then error(why, 0) end
  self.pool = pool
end

-- The files live on in the Result, less the runs.
function Run:finish()
  if not self.job.is_map_only then
    self.depots:release()
    self.output:give(result.new(self.job, self.outputs, self.depots, self.budget))
    self.depots = nil
  end
  return self.output:finish()
end

function Run:work()
  self:note("splits planned: %d, workers: %d", #self.feed.plan.list, self.job.workers)
  self.output = outputs.open(self.job, self.budget)
  self:open_pool()
  self:map()
  self.losses:check(self.job.is_map_only)
  self:reduce()
  self.pool:drain(GRACE)
  self.meter:finish(self.feed.plan.bytes)
  return self:finish()
end

-- Workers end and files are closed on every way out.
function Run:execute()
  local ok, made = pcall(self.work, self)
  if self.pool then self.pool:close() end
  if self.depots then self.depots:close() end
  self.feed:close()
  local told, why = self.chronicle:close()
  if ok and told then return made end
  if ok then
    made:close()
    error(why, 0)
  end
  self.meter:abandon()
  if self.output then self.output:abandon() end
  error(made, 0)
end

--- What was done: splits, bytes, pairs, seconds, workers, deaths, retried, skipped, failed.
function Run:stats(pair_count)
  return {splits = self.feed.count - self.feed.left_out, bytes = self.feed.plan.bytes, pairs = pair_count,
          seconds = core.clock() - self.began, workers = self.job.workers,
          deaths = self.deaths, retried = self.retried, skipped = #self.losses.skipped,
          failed = #self.losses.failed, resumed = self.job.journal and self.job.journal.resumed or 0}
end

local function new_run(job, feed)
  local run = setmetatable({
    job = job, feed = feed, meter = progress.new(job.progress, feed.plan.bytes, not job.values),
    tasks = {}, unanswered = 0, attempts = {}, uncommitted = {},
    condemned = {}, counters = {}, losses = losses.new(job), chronicle = chronicle.open(job, feed),
    runs = job.journal and job.journal.runs or {}, outputs = {},
    ready = {}, next_out = 1, behind = 0, held = 0, printed = 0,
    largest_print = splits.size(feed.plan.bytes, job),
    budget = budgets.new(job.memory, job.workers, #feed.stream_files > 0 or type(job.inputs) == "function"
                         or type(job.values) == "function"),
    began = core.clock(), deaths = 0, retried = 0,
  }, Run)
  for worker = 1, job.workers do run.uncommitted[worker] = {} end
  return run
end

local function run(job)
  if job.before then job.before() end
  local one = new_run(job, feeds.new(job, rawget(_G, "arg") or {}))
  local made = one:execute()
  made.stats, made.counters = one:stats(made:count()), one.counters
  made.failures, made.skipped = one.losses.failed, one.losses.skipped
  made.left_failed = job.joblog and job.joblog.left_failed or 0
  if job.after then job.after(made) end
  return made
end

local mapreduce = {}

--- Run a job (see parallel.mapreduce.job) over its inputs; returns a Result.
-- A job that does not keep the contract raises at `level`, a failed task its
-- Failure, an input that cannot be read a message.
function mapreduce.run(fields, level)
  local job, why = job_contract.prepare(fields)
  if not job then error("bad job: " .. why, (level or 1) + 1) end
  if job.joblog then job.joblog = joblog.open(job.joblog, job.resume) end
  if job.journal then job.journal = journal.open(job.journal) end
  local ok, made = pcall(run, job)
  if job.journal then job.journal[ok and "finish" or "leave"](job.journal) end
  if not ok then error(made, 0) end
  return made
end

return mapreduce
