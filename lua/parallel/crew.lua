--- crew: the workers of a Pool and the chunks they hold; outcomes go back to their sources.
--
-- Takes chunks from sources (see parallel.singles) in the order in which those
-- came, hands them to the workers, and settles every item exactly once: by a
-- result, by an error in user code, or by the death of the worker that ran it.
local attend = require("parallel.attend")
local core = require("parallel.core")
local failure = require("parallel.failure")
local functions = require("parallel.functions")
local identity = require("parallel.identity")
local inline = require("parallel.inline")
local log = require("parallel.log")
local missing = require("parallel.missing")
local recruit = require("parallel.recruit")
local server = require("parallel.server")
local start_method = require("parallel.start_method")
local telling = require("parallel.telling")

local CHUNKS_EACH = 2 -- one running, one waiting in the worker's pipe
local MOST_STILLBORN = 3 -- workers that a chunk may end before its first item starts

local Crew = {}
Crew.__index = Crew

-- ---- handing out ----------------------------------------------------------

local function encode_chunk(chunk)
  local items = chunk.items.calls and chunk.items.calls:bytes() or chunk.items
  return core.encode_trusted("run", chunk.version.number, chunk.shape, items, chunk.first)
end

local function part(items, from, to)
  if items.calls then return {n = to - from + 1, calls = items.calls:cut(from, to)} end
  return core.slice(items, from, to)
end

local function piece(chunk, from, to, attempts)
  local items = part(chunk.items, from, to)
  return {source = chunk.source, version = chunk.version, shape = chunk.shape,
          timeout = chunk.timeout, first = chunk.first + from - 1, items = items, attempts = attempts,
          stillborn = from == 1 and chunk.stillborn or nil, parcel = chunk.parcel}
end

local function refuse(self, chunk, place, fields)
  self.done, self.failed = self.done + 1, self.failed + 1
  fields.index = chunk.first + place - 1
  chunk.source:refuse(fields.index, failure.new(fields), chunk)
end

-- Some item cannot be sent: the others still are, one by one.
local function send_one_by_one(self, chunk, why)
  if chunk.items.n == 1 then
    local path = why:gsub("^%[4%]%[1%]", chunk.shape == "tuple" and "args" or "args[1]")
    return refuse(self, chunk, 1, {kind = "unsendable", message = path})
  end
  for i = 1, chunk.items.n do self:send(piece(chunk, i, i)) end
end

-- Shared objects go along as descriptors, which can be closed by now, or too many.
local function hand_over(self, chunk)
  local payload, parcel = encode_chunk(chunk)
  return self.transport:submit(payload, nil, chunk.timeout or self.timeout, parcel or chunk.parcel,
                               chunk.items.n)
end

function Crew:send(chunk)
  if chunk.items.n == 0 then return end
  local ok, number = pcall(hand_over, self, chunk)
  if not ok then return send_one_by_one(self, chunk, tostring(number)) end
  self.held[number] = chunk
  self.holding = self.holding + 1
end

function Crew:room() return self.holding < self.most end

local function set_workers(self, workers)
  self.workers = math.max(workers, 1)
  self.most = self.workers * CHUNKS_EACH
end

-- A source that can hand out nothing more makes place for the next.
function Crew:pump()
  while #self.again > 0 and self:room() do self:send(table.remove(self.again)) end
  local i = 1
  while self:room() and self.sources[i] do
    local source = self.sources[i]
    if source:wants() then self:send(source:take()) else i = i + 1 end
  end
end

function Crew:add(source) table.insert(self.sources, source) end

function Crew:remove(source)
  for i, one in ipairs(self.sources) do
    if one == source then return table.remove(self.sources, i) end
  end
end

-- ---- outcomes -------------------------------------------------------------

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
    table.insert(self.again, piece(chunk, place, place, attempts))
  else
    refuse(self, chunk, place, failed)
  end
end

-- What became of items of the chunk that were not settled before: lists by place.
local function read_outcomes(chunk, bytes, parcel, worker)
  local from = chunk.settled or 0
  local last, failures, elapsed, results = chunk.source:read(bytes, parcel, chunk, worker)
  chunk.settled = last
  return {from = from, last = last, results = results, failures = failures or {}, elapsed = elapsed}
end

local function accept_one(self, chunk, place, results, worker)
  local source, number = chunk.source, chunk.first + place - 1
  self.done = self.done + 1
  if not results then return end -- it is settled
  if source.list then return source:accept_listed(number, number) end
  source:accept(number, results[place], worker, chunk)
end

local function accept(self, chunk, from, last, results, worker)
  local source, before = chunk.source, chunk.first - 1
  self.done = self.done + last - from + 1
  if not results then return end -- they are settled
  if source.list then return source:accept_listed(before + from, before + last) end
  self.telling:results(chunk, from, last, results, worker)
end

--- The message of an error in a worker, with what it takes to understand it.
function Crew:explain(message) return missing.explain(message, not self.settings) end

-- Without a worker there is no process, and no globals of its own.
local function fail(self, chunk, place, failed)
  if failed.kind == "error" and failed.pid then failed.message = self:explain(failed.message) end
  if failed.kind == "stopped" then
    failed.kind, failed.message, failed.value = "timeout", nil, nil
    lose(self, chunk, place, failed)
  elseif failed.kind == "error" and self.retry_errors then
    lose(self, chunk, place, failed)
  else
    refuse(self, chunk, place, failed)
  end
end

local function tell_outcomes(self, chunk, worker, pid, outcomes)
  local failures, from = outcomes.failures, outcomes.from
  if outcomes.elapsed then
    chunk.source:learn(outcomes.last, outcomes.elapsed)
    self.seconds[worker] = (self.seconds[worker] or 0) + outcomes.elapsed
  end
  self.ran[worker] = (self.ran[worker] or 0) + outcomes.last - from
  if from == outcomes.last then return end
  if not next(failures) then
    return accept(self, chunk, from + 1, outcomes.last, outcomes.results, worker)
  end
  self.telling:each(from + 1, outcomes.last, function(place)
    local failed = failures[place]
    if not failed then return accept_one(self, chunk, place, outcomes.results, worker) end
    failed.worker, failed.pid, failed.attempts = worker, pid, (chunk.attempts or 0) + 1
    fail(self, chunk, place, failed)
  end)
end

function events.part(self, chunk, worker, reply, parcel)
  tell_outcomes(self, chunk, worker, self.pids[worker], read_outcomes(chunk, reply, parcel, worker))
end

-- What a worker that retires has left goes to another.
function events.result(self, chunk, worker, reply, parcel)
  local outcomes, n = read_outcomes(chunk, reply, parcel, worker), chunk.items.n
  if outcomes.last < n then
    table.insert(self.again, piece(chunk, outcomes.last + 1, n, chunk.attempts))
  end
  tell_outcomes(self, chunk, worker, self.pids[worker], outcomes)
end

-- Shares of the items from this place on, one for each worker, but none that are refused. The
-- first is sent first.
local function share_out(self, chunk, from)
  local share = math.ceil((chunk.items.n - from + 1) / self.workers)
  if chunk.refused then share = 1 end
  for last = chunk.items.n, from, -share do
    if not chunk.refused or not chunk.refused[last] then
      table.insert(self.again, piece(chunk, math.max(from, last - share + 1), last, chunk.attempts))
    end
  end
end

-- Its worker is not going to begin the items from this place on, since another has nothing to do.
function events.cut(self, chunk, _, place)
  share_out(self, chunk, place)
  chunk.items.n = place - 1
end

-- The chunk as a whole could not be run: the worker could not decode it.
function events.error(self, chunk, worker, detail)
  self.telling:each((chunk.settled or 0) + 1, chunk.items.n, function(place)
    refuse(self, chunk, place, {kind = "error", message = detail.message, traceback = detail.traceback,
                                worker = worker, pid = detail.pid, attempts = 1})
  end)
end

-- The last place that was started. A chunk that ends its workers before any
-- item starts, time and again, is to blame with its first.
local function started(chunk, detail)
  local item = math.max(chunk.settled or 0, math.min(detail.item, chunk.items.n))
  if item > 0 then return item end
  chunk.stillborn = (chunk.stillborn or 0) + 1
  return chunk.stillborn > MOST_STILLBORN and 1 or 0
end

-- What a dying worker left may be anything; what is no outcome settles nothing.
local function read_remains(chunk, worker, detail)
  local ok, outcomes = pcall(read_outcomes, chunk, detail.outcomes, nil, worker)
  return ok and outcomes or {from = 0, last = 0, failures = {}}
end

-- One that ran while its worker was killed for another's sake is innocent.
local function charge(self, chunk, place, worker, detail)
  if detail.innocent then
    table.insert(self.again, piece(chunk, place, place, chunk.attempts))
  else
    lose(self, chunk, place, {
      kind = detail.ordered and "timeout" or "died", worker = worker, pid = detail.pid,
      signal = detail.signal, exitcode = detail.exitcode})
  end
end

-- Items that ended before keep their outcomes, and the one that was running is
-- charged. The others go to another worker. Those go on the list first: what is
-- told last may call back, and look for work.
function events.death(self, chunk, worker, detail)
  local pid = self.pids[worker]
  self.pids = self.transport:workers()
  log.warn("%s", tostring(failure.new({
    kind = "died", worker = worker, pid = detail.pid, signal = detail.signal, exitcode = detail.exitcode})))
  if not chunk then return end
  local outcomes = read_remains(chunk, worker, detail)
  local settled, last, n = chunk.settled or 0, started(chunk, detail), chunk.items.n
  if last < n then table.insert(self.again, piece(chunk, last + 1, n, chunk.attempts)) end
  tell_outcomes(self, chunk, worker, pid, outcomes)
  self.telling:each(settled + 1, last, function(place) charge(self, chunk, place, worker, detail) end)
end

function events.broken(_, _, _, detail)
  error(failure.no_workers(detail), 0)
end

-- Directed tasks (define, forget, broadcast) have a function instead of a chunk.
local function settle(self, kind, number, worker, detail, parcel)
  local chunk = number and self.held[number]
  if type(chunk) == "function" then
    if kind ~= "part" then self.held[number] = nil end
    return chunk(kind, worker, detail, parcel)
  end
  if chunk and kind ~= "part" and kind ~= "cut" then
    self.held[number] = nil
    self.holding = self.holding - 1
  end
  events[kind](self, chunk, worker, detail, parcel)
end

--- Hand out what there is room for, then take one outcome, waiting for it at
-- most so many seconds. False when there was none.
function Crew:step(timeout)
  if self.telling:rest() then return true end
  self:pump()
  local kind, number, worker, detail, parcel = attend.wait(self.transport, timeout, self)
  if kind then settle(self, kind, number, worker, detail, parcel) end
  self:pump()
  return kind ~= nil
end

--- Take one outcome, if there is one, on behalf of somebody who waits for something else: that no
-- worker can be started is for those to know who wait for this crew. False when there was none.
function Crew:attend()
  if self.telling:rest() then return true end
  self:pump()
  local kind, number, worker, detail, parcel = self.transport:wait(0)
  if not kind or kind == "broken" then return false end
  settle(self, kind, number, worker, detail, parcel)
  if not self.ended then self:pump() end
  return true
end

--- Is anything under way?
function Crew:busy() return next(self.held) ~= nil or #self.again > 0 or self.telling:is_left() end

-- ---- cancelling -----------------------------------------------------------

local function place_in(chunk, source, number)
  if type(chunk) ~= "table" or chunk.source ~= source then return nil end
  local place = number - chunk.first + 1
  return place >= 1 and place <= chunk.items.n and place or nil
end

-- The chunk without this item goes to a worker again.
local function send_neighbours(self, chunk, place)
  local n = chunk.items.n
  if place < n then table.insert(self.again, piece(chunk, place + 1, n, chunk.attempts)) end
  if place > 1 then table.insert(self.again, piece(chunk, 1, place - 1, chunk.attempts)) end
end

local function withdraw(self, id)
  local chunk = self.held[id]
  self.held[id] = nil
  self.holding = self.holding - 1
  return chunk
end

--- The item shall not be run to its end. "withdrawn": no worker has it any more;
-- "refused": the worker that has it will not begin it; "stopped": it was
-- running, and its outcome is still to come; nil: there is no such item.
-- And the chunk that it was in.
function Crew:cancel(source, number)
  for i, chunk in ipairs(self.again) do
    local place = place_in(chunk, source, number)
    if place then
      send_neighbours(self, table.remove(self.again, i), place)
      return "withdrawn", chunk
    end
  end
  for id, chunk in pairs(self.held) do
    local place = place_in(chunk, source, number)
    if place then
      local how = self.transport:cancel(id, place)
      if how == "withdrawn" then send_neighbours(self, withdraw(self, id), place) end
      if how == "refused" then
        chunk.refused = chunk.refused or {}
        chunk.refused[place] = true
      end
      return how, chunk
    end
  end
end

--- Nothing of this source shall be run to its end.
function Crew:cancel_all(source)
  for i = #self.again, 1, -1 do
    if self.again[i].source == source then table.remove(self.again, i) end
  end
  for id, chunk in pairs(self.held) do
    if type(chunk) == "table" and chunk.source == source
      and self.transport:cancel(id) == "withdrawn" then withdraw(self, id) end
  end
end

-- ---- figures --------------------------------------------------------------

local function waiting(self)
  local count = 0
  for _, chunk in ipairs(self.again) do count = count + chunk.items.n end
  for _, chunk in pairs(self.held) do
    if type(chunk) == "table" then count = count + chunk.items.n end
  end
  return count
end

--- What has become of the items so far, and of each worker.
function Crew:stats()
  local stats = self.transport:stats()
  stats.done, stats.failed, stats.retried = self.done, self.failed, self.retried
  stats.queued = math.max(0, waiting(self) - stats.busy)
  for worker, pid in ipairs(self.transport:workers()) do
    stats[worker] = {pid = pid, tasks = self.ran[worker] or 0, busy_seconds = self.seconds[worker] or 0,
                     memory = self.transport:memory(worker)}
  end
  return stats
end

-- ---- all workers ----------------------------------------------------------

--- Have every worker run `kind(...)`, which needs the shared objects in `parcel`;
-- when(kind, worker, detail, parcel) gets each answer.
function Crew:tell_each(when, parcel, kind, ...)
  local payload = core.encode_trusted(kind, ...)
  for worker = 1, self.workers do
    self.held[self.transport:submit(payload, worker, nil, parcel)] = when
  end
end

local function ignore() end

-- Without processes nothing is inherited: the function is copied as if sent, unless
-- it cannot be.
local function inherits(self, f)
  if type(f) ~= "function" or self.settings then return false end
  return self.options.workers > 0 or not pcall(core.encode_trusted, f)
end

-- What workers that inherit nothing are told; those that are there already are
-- told of changes.
local function write_letter(self)
  return recruit.letter("parallel.server", self.settings, self.options.workers, self.functions:all())
end

local function service(self, options, workers, f)
  self.functions = functions.new(function(...)
    if not self.transport then return end
    if self.settings then self.transport:letter(write_letter(self)) end
    self:tell_each(ignore, ...)
  end)
  if inherits(self, f) then self.functions:inherit(f) end
  return server.service(self.functions, options, workers == 0)
end

--- So many workers from now on; what runs is not disturbed.
function Crew:resize(workers)
  self.options.workers = workers
  if self.settings then self.transport:letter(write_letter(self)) end
  self.transport:resize(workers)
  set_workers(self, workers)
  self.pids = self.transport:workers()
  self:pump()
end

--- End in good order: every worker runs the finalizer, and leaves.
function Crew:leave(grace)
  while self:busy() do self:step() end
  self:tell_each(ignore, nil, "finish")
  while self:busy() do self:step() end
  self.transport:drain(grace)
  self:close()
end

--- End the workers now.
function Crew:close()
  self.ended = true
  attend.remove(self)
  self.transport:close()
end

-- What makes the workers, unless they are forked here: then they inherit the options.
local function starter(self, workers)
  local made = workers > 0 and start_method.starter(self.options.start_method) or nil
  if not made then return nil end
  local ok, settings = pcall(recruit.enclose, self.options)
  if not ok then
    error(failure.new({kind = "unsendable", message = "cannot send an option of the pool: " .. settings}), 0)
  end
  self.settings = settings
  return made
end

local crew = {}

--- Fork so many workers (none: everything runs in this process). Options as in
-- parallel.pool: initializer, initargs, finalizer, retries, retry_errors, timeout, tasks_per_worker,
-- memory_per_worker (in bytes). The workers inherit f, which may be nil.
function crew.open(workers, options, f)
  local self = setmetatable({
    retries = options.retries or 0, timeout = options.timeout,
    retry_errors = options.retry_errors, options = options,
    sources = {}, again = {}, held = {}, holding = 0, telling = telling.new(),
    ran = {}, seconds = {}, done = 0, failed = 0, retried = 0,
  }, Crew)
  set_workers(self, workers)
  options.workers, options.descent = workers, identity.descent()
  local starts = starter(self, workers)
  local begin, handle, finish = service(self, options, workers, f)
  local open = workers == 0 and inline.open or core.pool
  local letter, parcel
  if self.settings then letter, parcel = write_letter(self) end
  self.transport = assert(open({workers = workers, begin = begin, handle = handle, finish = finish,
                                memory = options.memory_per_worker, starter = starts,
                                keep = function() return self.functions:held() end,
                                letter = letter, parcel = parcel}))
  self.pids = self.transport:workers()
  attend.add(self)
  return self
end

return crew
