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
          first = chunk.first + from - 1, items = items, attempts = attempts}
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

function events.result(self, chunk, worker, reply)
  local elapsed, results, failures = core.decode(reply)
  local source, first, n = chunk.source, chunk.first, chunk.items.n
  source:learn(n, elapsed)
  local pid = next(failures) and self.pids[worker]
  for i = 1, n do
    local failed = failures[i]
    if failed then
      failed.worker, failed.pid, failed.attempts = worker, pid, (chunk.attempts or 0) + 1
      refuse(chunk, i, failed)
    else
      source:accept(first + i - 1, results[i], worker)
    end
  end
end

-- The chunk as a whole could not be run: the worker could not decode it.
function events.error(_, chunk, worker, detail)
  for i = 1, chunk.items.n do
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

-- Only the item that was running is charged; its neighbours in the chunk run again.
function events.death(self, chunk, worker, detail)
  self.pids = self.transport:workers()
  if not chunk then return end
  local place, n = math.max(1, math.min(detail.item, chunk.items.n)), chunk.items.n
  if place < n then table.insert(self.again, piece(chunk, place + 1, n)) end
  if place > 1 then table.insert(self.again, piece(chunk, 1, place - 1)) end
  charge(self, chunk, place, worker, detail)
end

function events.broken(_, _, _, detail)
  error(failure.no_workers(detail), 0)
end

-- Directed tasks (define, forget, broadcast) have a function instead of a chunk.
local function settle(self, kind, number, worker, detail)
  local chunk = number and self.held[number]
  if type(chunk) == "function" then
    self.held[number] = nil
    return chunk(kind, worker, detail)
  end
  if chunk then
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
