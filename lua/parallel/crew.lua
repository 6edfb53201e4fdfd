--- crew: the workers of a Pool and the chunks they hold; outcomes go back to their sources.
--
-- Takes chunks from sources (see parallel.singles) in the order in which those
-- came, hands them to the workers, and settles every item exactly once: by a
-- result, by an error in user code, or by the death of the worker that ran it.
local core = require("parallel.core")
local failure = require("parallel.failure")
local functions = require("parallel.functions")
local inline = require("parallel.inline")
local server = require("parallel.server")

local CHUNKS_EACH = 2 -- one running, one waiting in the worker's pipe
local MOST_STILLBORN = 3 -- workers that a chunk may end before its first item starts

local Crew = {}
Crew.__index = Crew

-- ---- handing out ----------------------------------------------------------

local function encode_chunk(chunk)
  return core.encode_trusted("run", chunk.version.number, chunk.shape, chunk.items)
end

local function piece(chunk, from, to, attempts)
  local items = {n = to - from + 1}
  for i = from, to do items[i - from + 1] = chunk.items[i] end
  return {source = chunk.source, version = chunk.version, shape = chunk.shape,
          first = chunk.first + from - 1, items = items, attempts = attempts,
          stillborn = from == 1 and chunk.stillborn or nil}
end

local function refuse(chunk, place, fields)
  fields.index = chunk.first + place - 1
  chunk.source:refuse(fields.index, failure.new(fields))
end

-- Some item cannot be sent: the others still are, one by one.
local function send_one_by_one(self, chunk, why)
  if chunk.items.n == 1 then
    local path = why:gsub("^%[4%]%[1%]", chunk.shape == "tuple" and "args" or "args[1]")
    return refuse(chunk, 1, {kind = "unsendable", message = path})
  end
  for i = 1, chunk.items.n do self:send(piece(chunk, i, i)) end
end

function Crew:send(chunk)
  if chunk.items.n == 0 then return end
  local ok, payload = pcall(encode_chunk, chunk)
  if not ok then return send_one_by_one(self, chunk, tostring(payload)) end
  self.held[self.transport:submit(payload)] = chunk
  self.holding = self.holding + 1
end

function Crew:room() return self.holding < self.workers * CHUNKS_EACH end

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

-- What became of items of the chunk that were not settled before: lists by
-- place, or by number when the source wants them in a list of its own.
local function read_outcomes(chunk, bytes)
  local list = chunk.source.list
  local from, results = chunk.settled or 0, list or {}
  local last, failures, elapsed = core.outcomes(
    bytes, results, list and chunk.first - 1 or 0, from, chunk.items.n, chunk.shape == "all")
  chunk.settled = last
  return {from = from, last = last, results = results, failures = failures or {}, elapsed = elapsed}
end

local function accept(chunk, from, last, results, worker)
  local source, before = chunk.source, chunk.first - 1
  if source.list then return source:accept_listed(before + from, before + last) end
  for i = from, last do source:accept(before + i, results[i], worker) end
end

local function tell_outcomes(chunk, worker, pid, outcomes)
  local failures, from = outcomes.failures, outcomes.from
  if outcomes.elapsed then chunk.source:learn(chunk.items.n, outcomes.elapsed) end
  if not next(failures) then
    if from < outcomes.last then accept(chunk, from + 1, outcomes.last, outcomes.results, worker) end
    return
  end
  for i = from + 1, outcomes.last do
    local failed = failures[i]
    if failed then
      failed.worker, failed.pid, failed.attempts = worker, pid, (chunk.attempts or 0) + 1
      refuse(chunk, i, failed)
    else
      accept(chunk, i, i, outcomes.results, worker)
    end
  end
end

function events.part(self, chunk, worker, reply)
  tell_outcomes(chunk, worker, self.pids[worker], read_outcomes(chunk, reply))
end

events.result = events.part

-- The chunk as a whole could not be run: the worker could not decode it.
function events.error(_, chunk, worker, detail)
  for i = (chunk.settled or 0) + 1, chunk.items.n do
    refuse(chunk, i, {kind = "error", message = detail.message, traceback = detail.traceback,
                      worker = worker, pid = detail.pid, attempts = 1})
  end
end

local function charge(self, chunk, place, worker, detail)
  local attempts = (chunk.attempts or 0) + 1
  if attempts <= (chunk.source:retries(chunk.first + place - 1) or self.retries) then
    table.insert(self.again, piece(chunk, place, place, attempts))
  else
    refuse(chunk, place, {kind = "died", worker = worker, pid = detail.pid, signal = detail.signal,
                          exitcode = detail.exitcode, attempts = attempts})
  end
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
local function read_remains(chunk, detail)
  local ok, outcomes = pcall(read_outcomes, chunk, detail.outcomes)
  return ok and outcomes or {from = 0, last = 0, failures = {}}
end

-- Items that ended before keep their outcomes, and the one that was running is
-- charged. The others go to another worker. Those go on the list first: what is
-- told last may call back, and look for work.
function events.death(self, chunk, worker, detail)
  local pid = self.pids[worker]
  self.pids = self.transport:workers()
  if not chunk then return end
  local outcomes = read_remains(chunk, detail)
  local settled, last, n = chunk.settled or 0, started(chunk, detail), chunk.items.n
  if last < n then table.insert(self.again, piece(chunk, last + 1, n, chunk.attempts)) end
  tell_outcomes(chunk, worker, pid, outcomes)
  for place = settled + 1, last do charge(self, chunk, place, worker, detail) end
end

function events.broken(_, _, _, detail)
  error(failure.no_workers(detail), 0)
end

-- Directed tasks (define, forget, broadcast) have a function instead of a chunk.
local function settle(self, kind, number, worker, detail)
  local chunk = number and self.held[number]
  if type(chunk) == "function" then
    if kind ~= "part" then self.held[number] = nil end
    return chunk(kind, worker, detail)
  end
  if chunk and kind ~= "part" then
    self.held[number] = nil
    self.holding = self.holding - 1
  end
  events[kind](self, chunk, worker, detail)
end

--- Hand out what there is room for, then take one outcome, waiting for it at
-- most so many seconds. False when there was none.
function Crew:step(timeout)
  self:pump()
  local kind, number, worker, detail = self.transport:wait(timeout)
  if kind then settle(self, kind, number, worker, detail) end
  self:pump()
  return kind ~= nil
end

--- Is anything under way?
function Crew:busy() return next(self.held) ~= nil or #self.again > 0 end

-- ---- all workers ----------------------------------------------------------

--- Have every worker run `kind(...)`; when(kind, worker, detail) gets each answer.
function Crew:tell_each(when, kind, ...)
  local payload = core.encode_trusted(kind, ...)
  for worker = 1, self.workers do
    self.held[self.transport:submit(payload, worker)] = when
  end
end

local function ignore() end

local function service(self, options)
  self.functions = functions.new(function(...)
    if self.transport then self:tell_each(ignore, ...) end
  end)
  return server.service(self.functions, options)
end

--- End in good order: every worker runs the finalizer, and leaves.
function Crew:leave(grace)
  while self:busy() do self:step() end
  self:tell_each(ignore, "finish")
  while self:busy() do self:step() end
  self.transport:drain(grace)
  self.transport:close()
end

local crew = {}

--- Fork so many workers (none: everything runs in this process). Options as in
-- parallel.pool: initializer, initargs, finalizer, retries.
function crew.open(workers, options)
  local self = setmetatable({
    workers = math.max(workers, 1), retries = options.retries or 0,
    sources = {}, again = {}, held = {}, holding = 0,
  }, Crew)
  local begin, handle = service(self, options)
  local open = workers == 0 and inline.open or core.pool
  self.transport = assert(open({workers = workers, begin = begin, handle = handle}))
  self.pids = self.transport:workers()
  return self
end

return crew
