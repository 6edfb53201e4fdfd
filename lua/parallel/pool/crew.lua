--- crew: the workers of a Pool and the chunks they hold; outcomes go back to their sources.
--
-- Takes chunks from sources (see parallel.pool.singles) in the order in which those
-- came, hands them to the workers, and settles every item exactly once: by a
-- result, by an error in user code, or by the death of the worker that ran it.
local attend = require("parallel.base.attend")
local backlog = require("parallel.pool.backlog")
local cancelling = require("parallel.pool.cancelling")
local chunks = require("parallel.pool.chunk")
local core = require("parallel.core")
local deferred = require("parallel.base.deferred")
local failure = require("parallel.base.failure")
local figures = require("parallel.pool.figures")
local functions = require("parallel.pool.functions")
local globals = require("parallel.pool.globals")
local identity = require("parallel.process.identity")
local interruption = require("parallel.base.interruption")
local log = require("parallel.base.log")
local memory = require("parallel.base.memory")
local missing = require("parallel.pool.missing")
local server = require("parallel.pool.server")
local showing = require("parallel.pool.showing")
local start_method = require("parallel.process.start_method")
local telling = require("parallel.pool.telling")
local timeline = require("parallel.monitor.timeline")

local inline = deferred("parallel.process.inline")
local printed = deferred("parallel.pool.printed")
local recruit = deferred("parallel.process.recruit")

local CHUNKS_EACH = 2 -- one running, one waiting in the worker's pipe
local MOST_STILLBORN = 3 -- workers that a chunk may end before its first item starts

local Crew = {}
Crew.__index = Crew

-- ---- handing out ----------------------------------------------------------

local function tell_refusal(self, chunk, failed)
  local number = failed.index
  self.done, self.failed = self.done + 1, self.failed + 1
  if self.timeline then self.timeline:failed(failed) end
  if chunk.source.printed then chunk.source.printed:ended(number, number) end
  chunk.source:refuse(number, failed, chunk)
end

local function refuse(self, chunk, place, fields)
  fields.index = chunk.first + place - 1
  tell_refusal(self, chunk, failure.new(fields))
end

-- Some item cannot be sent: the others still are, one by one.
local function send_one_by_one(self, chunk, why)
  local n = chunk.items.n
  if n == 1 then
    local path = why:gsub("^%[4%]%[1%]", chunk.shape == "tuple" and "args" or "args[1]")
    local failed = failure.new({kind = "unsendable", message = path, index = chunk.first})
    self.backlog:remove(chunk)
    return tell_refusal(self, chunk, failed)
  end
  for i = n, 1, -1 do
    self.backlog:put(chunks.piece(chunk, i, i))
    chunk.items.n = i - 1 -- so that it is empty in the end
  end
end

-- Encoding it may call user code, which may look for work itself: it shall not find this.
local function hand_over(self, chunk)
  self.backlog:remove(chunk)
  return chunks.submit(chunk, self.transport, self.timeout)
end

-- The input has ended, perhaps after all that came before has its outcome.
local function drop_empty(self, chunk)
  self.backlog:remove(chunk)
  if chunk.source.listed then chunk.source.listed() end
end

-- What shall be done with the answer is noted before: afterwards there may be no memory for it.
local function send(self, chunk)
  if chunk.items.n == 0 then return drop_empty(self, chunk) end
  local held, expected = self.held, self.last_task + 1
  held[expected] = chunk
  local ok, number = pcall(hand_over, self, chunk)
  if number ~= expected and held[expected] == chunk then held[expected] = nil end
  if ok then
    held[number] = chunk
    self.last_task, self.holding = number, self.holding + 1
    return
  end
  self.backlog:remove(chunk)
  self.backlog:put(chunk)
  interruption.pass_on(number)
  send_one_by_one(self, chunk, tostring(number))
end

local function set_workers(self, workers)
  self.workers = math.max(workers, 1)
  self.most = self.workers * CHUNKS_EACH
end

-- Of a chunk whose only item was lost: what tells its source.
local function refusal(self, chunk)
  local failed = failure.new({kind = "error", message = chunk.unread, index = chunk.first, attempts = 1})
  return function() tell_refusal(self, chunk, failed) end
end

local function recover(self)
  self.backlog:recover(function(chunk) return refusal(self, chunk) end)
end

-- A source that can hand out nothing more makes place for the next. Who is told of a task that cannot
-- be sent may add sources and remove some.
function Crew:pump()
  if self.backlog.lost then recover(self) end
  local sources, i = self.sources, 1
  while self.holding < self.most and not self.ended do
    local chunk, source = self.backlog:top(), sources[i]
    if chunk then
      send(self, chunk)
      i = 1
    elseif not source then return
    elseif source:wants() then self.backlog:put_taken(source.take, source)
    else i = i + 1 end
  end
end

function Crew:add(source)
  if self.ordered then source.printed = printed.new() end
  table.insert(self.sources, source)
end

function Crew:remove(source)
  if source.printed then source.printed:close() end
  self.showing:hide(source)
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
    if self.timeline then self.timeline:happened(failed.worker, ("task %d is run again"):format(number)) end
    self.backlog:put_again(chunk, place, place, attempts)
  else
    refuse(self, chunk, place, failed)
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
  refuse(self, chunk, 1, {kind = "error", message = detail.message, traceback = detail.traceback,
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

-- Directed tasks (define, forget, broadcast) have a function instead of a chunk.
local function settle(self, kind, number, worker, detail, parcel)
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

--- Hand out what there is room for, then take one outcome, waiting for it at
-- most so many seconds. False when there was none, or when who was called back has ended it all.
function Crew:step(timeout)
  if self.telling:rest() then return true end
  self:pump()
  if self.ended then return false end
  local kind, number, worker, detail, parcel = attend.wait(self.transport, self.showing:pause(timeout), self)
  if kind then
    settle(self, kind, number, worker, detail, parcel)
    self:pump()
  end
  self.showing:update(self)
  return kind ~= nil
end

--- Take one outcome, if there is one, on behalf of somebody who waits for something else: that no
-- worker can be started is for those to know who wait for this crew. False when there was none.
function Crew:attend()
  if self.telling:rest() then return true end
  self:pump()
  if self.ended then return false end
  local kind, number, worker, detail, parcel = self.transport:wait(0)
  if not kind or kind == "broken" then return false end
  settle(self, kind, number, worker, detail, parcel)
  self:pump()
  return true
end

--- Is anything under way?
function Crew:busy() return next(self.held) ~= nil or self.backlog:is_left() or self.telling:is_left() end

--- See parallel.cancelling.
Crew.cancel, Crew.cancel_all = cancelling.item, cancelling.source

--- What has become of the items so far, and of each worker.
function Crew:stats() return figures.of(self) end

-- ---- all workers ----------------------------------------------------------

--- Have this worker run a task of its own, which needs the shared objects in `parcel`, in at most
-- `limit` seconds (nil: any time); when(kind, worker, detail, parcel) gets the answer, or "ended" and
-- a Failure when the pool is terminated. Returns the task's number.
function Crew:tell(worker, when, parcel, limit, payload, bulk)
  local number = self.transport:submit(payload, worker, limit, parcel, 1, bulk)
  self.last_task = number
  self.held[number] = when
  return number
end

--- The same with every worker.
function Crew:tell_each(when, parcel, kind, ...)
  local payload = core.encode_trusted(kind, ...)
  for worker = 1, self.workers do self:tell(worker, when, parcel, nil, payload) end
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
  return recruit.letter("parallel.pool.server", self.settings, self.options.workers,
    self.functions:all(), self.globals:all())
end

--- Set these globals in every worker, and in those that replace them; when(kind, worker, detail)
-- gets each answer. Raises "PATH: REASON" when a value cannot leave this process.
function Crew:push(values, when)
  local bytes, parcel = self.globals:add(values)
  if self.settings then self.transport:letter(write_letter(self)) end
  self:tell_each(when, parcel, "push", bytes)
end

-- What the transport calls stays until it is closed, and must not hold the crew, or neither is collected.
local function weak(self) return setmetatable({crew = self}, {__mode = "v"}) end

local function service(self, options, workers, f)
  local reference = weak(self)
  self.globals = globals.new()
  self.functions = functions.new(function(...)
    local crew = reference.crew
    if not crew.transport or crew.ended then return end
    if crew.settings then crew.transport:letter(write_letter(crew)) end
    crew:tell_each(ignore, ...)
  end)
  if inherits(self, f) then self.functions:inherit(f) end
  return server.service(self.functions, self.globals, options, workers == 0)
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

-- Nothing more comes: what abandoned tasks printed is shown after all, no bar is left.
local function end_showing(self)
  self.showing:close()
  local told, why = true, nil
  if self.timeline then told, why = self.timeline:close() end
  if not told then log.warn("%s", why) end
  for _, source in ipairs(self.sources) do
    if source.printed then source.printed:close() end
  end
end

local function close(self)
  self.ended = true
  attend.remove(self)
  self.transport:close()
end

--- End the workers now. What is under way gets its outcome from make_failure().
function Crew:terminate(make_failure)
  close(self)
  local held = self.held
  self.held, self.backlog = {}, backlog.new()
  for i = #self.sources, 1, -1 do self.sources[i]:cancel(make_failure) end
  for _, when in pairs(held) do
    if type(when) == "function" then when("ended", nil, make_failure()) end
  end
  end_showing(self)
end

local function say_farewell(self)
  self.farewell = core.clock()
  self:tell_each(ignore, nil, "finish")
end

--- End in good order, when nothing is under way: every worker runs the finalizer,
-- and leaves. Waits at most `timeout` seconds for that, and may be called again; those
-- that are not done with it `grace` seconds after the first call are killed. True when all have left.
function Crew:leave(grace, timeout)
  local deadline = timeout and core.clock() + timeout
  if not self.farewell then say_farewell(self) end
  while self:busy() do
    local now = core.clock()
    local left = self.farewell + grace - now
    if left <= 0 then break end
    if deadline and now >= deadline then return false end
    self:step(deadline and math.min(left, deadline - now) or left)
  end
  -- No user's code runs any more, so that nobody needs another pool to go on meanwhile.
  self.transport:drain(math.max(0, self.farewell + grace - core.clock()))
  close(self)
  end_showing(self)
  return true
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

-- The connections and files that a worker which is forked now shall keep.
local function inherited(self, options)
  local held = self.globals:add_held(self.functions:held())
  for _, fd in ipairs(core.reach(options.initializer, options.initargs, options.finalizer)) do
    held[#held + 1] = fd
  end
  return held
end

local crew = {}

--- Fork so many workers (none: everything runs in this process). Options as of parallel.pool_options.
-- The workers inherit f, which may be nil.
function crew.open(workers, options, f)
  local self = setmetatable({
    retries = options.retries or 0, timeout = options.timeout, retry_errors = options.retry_errors,
    options = options, ordered = options.output == "ordered", timeline = timeline.open(options),
    showing = showing.new(), sources = {}, backlog = backlog.new(), held = {}, holding = 0, last_task = 0,
    telling = telling.new(), ran = {}, seconds = {}, done = 0, failed = 0, retried = 0,
  }, Crew)
  set_workers(self, workers)
  options.workers, options.descent = workers, identity.descent()
  local starts, reference = starter(self, workers), weak(self)
  local begin, handle, finish = service(self, options, workers, f)
  local open = workers == 0 and inline.open or core.pool
  local held = inherited(self, options) -- asked while the pool has no descriptors of its own to tell apart
  local letter, parcel
  if self.settings then letter, parcel = write_letter(self) end
  self.transport = assert(open({workers = workers, begin = begin, handle = handle, finish = finish,
                                memory = options.memory_per_worker, output = options.output,
                                name = options.name, times = timeline.wanted(options), starter = starts,
                                keep = function() return held or inherited(reference.crew, options) end,
                                letter = letter, parcel = parcel}))
  held = nil
  self.pids = self.transport:workers()
  attend.add(self)
  return self
end

return crew
