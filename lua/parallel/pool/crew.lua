--- crew: the workers of a Pool and the chunks they hold; outcomes go back to their sources.
--
-- Takes chunks from sources (see parallel.pool.singles) in the order in which those
-- came, and hands them to the workers; what these answer goes to parallel.pool.answers,
-- which settles every item exactly once.
local answers = require("parallel.pool.answers")
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

local Crew = {}
Crew.__index = Crew

-- ---- handing out ----------------------------------------------------------

--- An item ends with this Failure, which has its number.
function Crew:tell_refusal(chunk, failed)
  local number = failed.index
  self.done, self.failed = self.done + 1, self.failed + 1
  if self.timeline then self.timeline:failed(failed) end
  if chunk.source.printed then chunk.source.printed:ended(number, number) end
  chunk.source:refuse(number, failed, chunk)
end

--- The item at this place of the chunk ends with a Failure of these fields.
function Crew:refuse(chunk, place, fields)
  fields.index = chunk.first + place - 1
  self:tell_refusal(chunk, failure.new(fields))
end

-- Some item cannot be sent: the others still are, one by one.
local function send_one_by_one(self, chunk, why)
  local n = chunk.items.n
  if n == 1 then
    local path = why:gsub("^%[4%]%[1%]", chunk.shape == "tuple" and "args" or "args[1]")
    local failed = failure.new({kind = "unsendable", message = path, index = chunk.first})
    self.backlog:remove(chunk)
    return self:tell_refusal(chunk, failed)
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
  return function() self:tell_refusal(chunk, failed) end
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

--- The message of an error in a worker, with what it takes to understand it.
function Crew:explain(message) return missing.explain(message, not self.settings) end

--- Hand out what there is room for, then take one outcome, waiting for it at
-- most so many seconds. False when there was none, or when who was called back has ended it all.
function Crew:step(timeout)
  if self.telling:rest() then return true end
  self:pump()
  if self.ended then return false end
  local kind, number, worker, detail, parcel = attend.wait(self.transport, self.showing:pause(timeout), self)
  if kind then
    answers.settle(self, kind, number, worker, detail, parcel)
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
  answers.settle(self, kind, number, worker, detail, parcel)
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
