--- answers: what becomes of the items of a chunk when its worker answers, fails or dies.
--
-- The crew holds the chunk; here what came is read, and its source is told: each item exactly once, by
-- a result, by an error in user code, or by the death of the worker that ran it.
local chunks = require("parallel.pool.chunk")
local deferred = require("parallel.base.deferred")
local failure = require("parallel.base.failure")
local log = require("parallel.base.log")
local memory = require("parallel.base.memory")

local printed = deferred("parallel.pool.printed")

local MOST_STILLBORN = 3 -- workers that a chunk may end before its first item starts

local answers = {}

local events = {}

-- The item has no result, through the end of its worker or since it was stopped:
-- it runs again, if it may.
local function lose(self, chunk, place, failed)
  local number, attempts = chunk.first + place - 1, (chunk.attempts or 0) + 1
  failed.attempts = attempts
  if chunk.source:gave_up(number) then failed.kind = "cancelled" end
  if failed.kind == "timeout" then failed.seconds = chunk.timeout or self.timeout end
  local allowed = chunk.source:retries(number) or self.retries
  failed.index = number
  local again = failed.kind ~= "cancelled" and attempts <= allowed
  local grave = failed.kind == "cancelled" and "debug" or "warn"
  log[grave]("%s%s", tostring(failure.new(failed)), again and "; it is run again" or "")
  if again then
    self.retried = self.retried + 1
    if self.timeline then self.timeline:happened(failed.worker, ("task %d is run again"):format(number)) end
    self.backlog:put_again(chunk, place, place, attempts)
  else
    self:refuse(chunk, place, failed)
  end
end

-- What became of items of the chunk that were not settled before: those after the place `from`, up
-- to `last`; and failures and results by place, if there are any, and what all took, at the end.
local function read_outcomes(self, chunk, bytes, parcel, worker)
  local source, from = chunk.source, chunk.settled or 0
  local last, failures, elapsed, results, reports, began = source:read(bytes, parcel, chunk, worker)
  if source.printed then source.printed:take(chunk, reports) end
  if began then self.timeline:began(chunk, began) end
  return from, last, failures, results, elapsed
end

local function accept_one(self, chunk, place, results, worker)
  local source, number = chunk.source, chunk.first + place - 1
  self.done = self.done + 1
  if source.printed then source.printed:ended(number, number) end
  if not results then return end -- it is settled
  if source.list then return source:accept_listed(number, number) end
  source:accept(number, results[place], worker, chunk)
end

-- That they are told is noted first: what fails for want of memory after that was told.
local function accept(self, chunk, from, last, results, worker)
  local source, before = chunk.source, chunk.first - 1
  if results and not source.list then self.telling:add_results(chunk, from, last, results, worker) end
  chunk.told, chunk.settled = true, last
  self.done = self.done + last - from + 1
  if source.printed then source.printed:ended(before + from, before + last) end
  if results and source.list then return source:accept_listed(before + from, before + last) end
  self.telling:all()
end

-- Without a worker there is no process, and no globals of its own.
local function fail(self, chunk, place, failed)
  if failed.kind == "error" and failed.pid then failed.message = self:explain(failed.message) end
  if failed.kind == "stopped" then
    failed.kind, failed.message, failed.value = "timeout", nil, nil
    lose(self, chunk, place, failed)
  elseif failed.kind == "error" and self.retry_errors then
    lose(self, chunk, place, failed)
  else
    self:refuse(chunk, place, failed)
  end
end

local function note_work(self, chunk, worker, count, last, elapsed)
  self.ran[worker] = (self.ran[worker] or 0) + count
  if not elapsed then return end
  chunk.source:learn(last, elapsed)
  self.seconds[worker] = (self.seconds[worker] or 0) + elapsed
end

-- What tells of one place. As of read_outcomes.
local function teller(self, chunk, worker, pid, failures, results)
  return function(place)
    local failed = failures and failures[place]
    if not failed then return accept_one(self, chunk, place, results, worker) end
    failed.worker, failed.pid, failed.attempts = worker, pid, (chunk.attempts or 0) + 1
    fail(self, chunk, place, failed)
  end
end

local function tell_each(self, chunk, from, last, tell)
  self.telling:add_each(from, last, tell)
  chunk.told, chunk.settled = true, last
  self.telling:all()
end

local function tell_outcomes(self, chunk, worker, pid, from, last, failures, results)
  if from == last then return end
  if not failures then return accept(self, chunk, from + 1, last, results, worker) end
  tell_each(self, chunk, from + 1, last, teller(self, chunk, worker, pid, failures, results))
end

function events.part(self, chunk, worker, reply, parcel)
  if chunk.unread then return end -- what comes behind it settles nothing
  local from, last, failures, results, elapsed = read_outcomes(self, chunk, reply, parcel, worker)
  note_work(self, chunk, worker, last - from, last, elapsed)
  tell_outcomes(self, chunk, worker, self.pids[worker], from, last, failures, results)
end

-- What a worker that retires has left goes to another.
function events.result(self, chunk, worker, reply, parcel)
  if chunk.unread then error(chunk.unread, 0) end
  local n = chunk.items.n
  local from, last, failures, results, elapsed = read_outcomes(self, chunk, reply, parcel, worker)
  self.backlog:put_rest(chunk, last + 1)
  if self.timeline then self.timeline:ran(worker, chunk, last, elapsed) end
  note_work(self, chunk, worker, last - from, last, elapsed)
  tell_outcomes(self, chunk, worker, self.pids[worker], from, last, failures, results)
  if last == n and not failures then chunks.release(chunk) end
end

-- Its worker is not going to begin the items from this place on, since another has nothing to do.
function events.cut(self, chunk, _, place)
  self.backlog:put_rest(chunk, place, math.ceil((chunk.items.n - place + 1) / self.workers))
end

-- The chunk as a whole could not be run: the worker could not decode it. One item is to blame.
function events.error(self, chunk, worker, detail)
  if chunk.items.n > 1 then return self.backlog:put_rest(chunk, (chunk.settled or 0) + 1, 1) end
  self:refuse(chunk, 1, {kind = "error", message = detail.message, traceback = detail.traceback,
                          worker = worker, pid = detail.pid, attempts = 1})
end

-- The last place that was started. A chunk that ends its workers before any
-- item starts, time and again, is to blame with its first.
local function started(chunk, done, detail)
  local item = math.max(done, math.min(detail.item, chunk.items.n))
  if item > 0 then return item end
  chunk.stillborn = (chunk.stillborn or 0) + 1
  return chunk.stillborn > MOST_STILLBORN and 1 or 0
end

-- What a dying worker left may be anything; what is no outcome settles nothing.
local function read_remains(self, chunk, worker, detail)
  local ok, from, last, failures, results = pcall(read_outcomes, self, chunk, detail.outcomes, nil, worker)
  if ok then return from, last, failures, results end
  if memory.ran_out(from) then error(from, 0) end
  return chunk.settled or 0, chunk.settled or 0
end

-- One that ran while its worker was killed for another's sake is innocent.
local function charge(self, chunk, place, worker, detail)
  if detail.innocent then
    self.backlog:put_again(chunk, place, place, chunk.attempts)
  else
    lose(self, chunk, place, {
      kind = detail.ordered and "timeout" or "died", worker = worker, pid = detail.pid,
      signal = detail.signal, exitcode = detail.exitcode})
  end
end

-- Items that ended before keep their outcomes, and the one that was running is
-- charged. The others go to another worker. Those go on the list first: who is told may
-- call back, and look for work, or wait for one that is told later: so all are told as one.
function events.death(self, chunk, worker, detail)
  local pid = self.pids[worker]
  self.pids = self.transport:workers()
  local text = tostring(failure.new({
    kind = "died", worker = worker, pid = detail.pid, signal = detail.signal, exitcode = detail.exitcode}))
  log.warn("%s", text)
  if self.timeline then self.timeline:happened(worker, text) end
  if not chunk then return self.ordered and printed.show(detail.printed) end
  if chunk.unread then error(chunk.unread, 0) end
  local from, done, failures, results = read_remains(self, chunk, worker, detail)
  if self.ordered then chunk.source.printed:take(chunk, {detail.printed}) end
  local last = started(chunk, done, detail)
  if self.timeline then self.timeline:ran(worker, chunk, last) end
  self.backlog:put_rest(chunk, last + 1)
  note_work(self, chunk, worker, done - from)
  local tell = teller(self, chunk, worker, pid, failures, results)
  tell_each(self, chunk, from + 1, last, function(place)
    if place <= done then tell(place) else charge(self, chunk, place, worker, detail) end
  end)
end

function events.broken(_, _, _, detail)
  error(failure.no_workers(detail), 0)
end

-- An answer of which nothing was told, mostly for want of memory: the items that have no outcome are
-- run again, one by one. An only one has that as its outcome.
local function keep_untold(self, kind, chunk, why)
  local for_memory = not chunk.told and (chunk.unread or memory.ran_out(why))
  if not chunk.told then
    chunk.unread = chunk.unread or why
    chunk.alone = for_memory and chunk.items.n == 1
    if kind ~= "part" and kind ~= "cut" then self.backlog:lose(chunk) end
  end
  if not for_memory then error(why, 0) end
end

--- The crew takes what came for the task of this number, as its transport tells it. Directed tasks
-- (define, forget, broadcast) have a function instead of a chunk.
function answers.settle(self, kind, number, worker, detail, parcel)
  local chunk = number and self.held[number]
  if type(chunk) == "function" then
    if kind ~= "part" then self.held[number] = nil end
    return chunk(kind, worker, detail, parcel)
  end
  -- Handed over when there was no memory left to note it: the caller was told.
  if number and not chunk and kind ~= "death" then return end
  if chunk and kind ~= "part" and kind ~= "cut" then
    self.held[number] = nil
    self.holding = self.holding - 1
  end
  if not chunk then return events[kind](self, chunk, worker, detail, parcel) end
  chunk.told = false
  local ok, why = pcall(events[kind], self, chunk, worker, detail, parcel)
  if not ok then keep_untold(self, kind, chunk, why) end
end

return answers
