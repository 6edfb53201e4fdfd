--- mapping: one call of the map family, as a source of chunks (see parallel.pool.singles).
--
-- Items are pulled when there is room for them, never collected beforehand. Each
-- result goes to `receive(number, ok, value)`, in the order in which they come;
-- or, when the mapping has a `list`, results go there and only failures to
-- `receive`. `listed()` is called when some have come, or none are to come any more.
local chunker = require("parallel.pool.chunker")
local chunks = require("parallel.pool.chunk")
local core = require("parallel.core")
local memory = require("parallel.base.memory")

local Mapping = {}
Mapping.__index = Mapping

local mapping = {}

--- A function that returns whether there is another item, and the item; and how
-- many there are, when that is known.
function mapping.puller(items)
  if type(items) == "function" then
    return function()
      local item = items()
      return item ~= nil, item
    end
  end
  local i, n = 0, items.n or #items
  return function()
    i = i + 1
    return i <= n, items[i]
  end, n
end

-- Of an iteration, that many are ahead of what was asked for; of others, of what has ended. An iteration
-- whose user did not say how many may be ahead keeps the workers busy, and no endless input in memory.
function Mapping:room()
  if not self.lazy then return self.window and self.finished + self.window - self.pulled or math.huge end
  local window = self.window or self.chunker:ahead()
  return self.consumed + window - self.pulled
end

-- Not while it is being asked for items: an input may wait for something, and work goes on meanwhile.
function Mapping:wants()
  return not self.exhausted and not self.stopped and not self.taking and self:room() > 0
end

-- An input that fails ends it, once what was pulled before has its outcome.
local function pull(self)
  local ok, more, item = pcall(self.pull)
  if not ok then
    self.input_error, more = more, false
  end
  if not more then self.exhausted = true end
  return more, item
end

-- There is room for an item before it is pulled.
local function pull_some(self, items, size)
  while items.n < size do
    local place = items.n + 1
    items[place] = false
    local more, item = pull(self)
    items[place] = item
    if not more then break end
    items.n = place
  end
  return items
end

-- A plain list is read at once, without a call for each item.
local function cut(self, size)
  local last = math.min(self.pulled + size, self.total)
  local items = core.slice(self.plain, self.pulled + 1, last)
  self.exhausted = last == self.total
  return items
end

local function fill(self, chunk, size)
  chunk.items = self.plain and cut(self, size) or pull_some(self, chunk.items, size)
end

-- What was pulled before memory failed is handed out.
function Mapping:take()
  local size = math.min(self.chunker:size(self.total and self.total - self.pulled), self:room())
  local chunk = chunks.new(self, self.version, self.shape, self.timeout, self.pulled + 1, {n = 0})
  self.taking = true
  local ok, why = pcall(fill, self, chunk, size)
  self.taking = false
  if not ok and (chunk.items.n == 0 or not memory.ran_out(why)) then error(why, 0) end
  if self.cancelled then chunk.items.n = 0 end -- by its own input
  self.pulled = self.pulled + chunk.items.n
  return chunk
end

function Mapping:read(bytes, parcel, chunk)
  local results, before = self.list or {}, self.list and chunk.first - 1 or 0
  local last, failures, elapsed, printed, began = core.outcomes(
    bytes, results, before, chunk.settled or 0, chunk.items.n, parcel)
  return last, failures, elapsed, results, printed, began
end

-- Whoever is told looks again when there is memory.
local function tell(self)
  if not self.listed then return end
  local ok, why = pcall(self.listed)
  if not ok and not memory.ran_out(why) then error(why, 0) end
end

-- What needs memory comes first: then it may be done again.
function Mapping:accept(number, value)
  self.receive(number, true, value)
  self.finished = self.finished + 1
  tell(self)
end

function Mapping:accept_listed(first, last)
  self.finished = self.finished + last - first + 1
  self.list.n = math.max(self.list.n, last)
  tell(self)
end

function Mapping:refuse(number, failed)
  failed.index = number
  self.receive(number, false, failed)
  self.finished, self.failed = self.finished + 1, self.failed + 1
  if self.on_error == "raise" then self.stopped = true end
  tell(self)
end

function Mapping:learn(n, seconds) self.chunker:learn(n, seconds) end

function Mapping:gave_up() return self.cancelled ~= nil end

function Mapping:retries() return self.allowed_retries end

function Mapping:cancel(make_failure)
  self.stopped = true
  self.cancelled = make_failure()
  if self.listed then self.listed() end
end

--- Has everything that was pulled its outcome, and will nothing more be pulled?
function Mapping:ended()
  return self.cancelled or ((self.exhausted or self.stopped) and self.finished == self.pulled)
end

--- Nothing more is wanted of it.
function Mapping:stop() self.stopped = true end

--- Over `items`, with the options of the map family.
function mapping.new(workers, version, shape, items, options, receive)
  local pull_item, total = mapping.puller(items)
  return setmetatable({
    version = version, shape = shape, pull = pull_item, total = total, receive = receive,
    plain = type(items) == "table" and getmetatable(items) == nil and items or nil,
    chunker = chunker.new(workers, options.chunksize, not options.lazy), window = options.window,
    lazy = options.lazy,
    on_error = options.on_error or "raise", allowed_retries = options.retries, timeout = options.timeout,
    pulled = 0, consumed = 0, finished = 0, failed = 0,
  }, Mapping)
end

return mapping
