--- chunk: some neighbouring items of a source, which go to a worker together (see parallel.pool.singles).
local core = require("parallel.core")

local chunk = {}

--- Of these items, of which the first has the source's number `first`. All fields that it may get
-- are there from the beginning: when one is set later there may be no memory.
function chunk.new(source, version, shape, timeout, first, items, parcel)
  return {source = source, version = version, shape = shape, timeout = timeout, first = first, items = items,
          parcel = parcel or false,
          attempts = false,  -- how often its items have been tried
          settled = false,   -- up to this place they have their outcomes
          stillborn = false, -- workers that it ended before any item started
          told = false,      -- what came last is being told
          unread = false,    -- why an answer could not be taken
          alone = false,     -- that was of one item
          below = false}     -- see parallel.pool.backlog
end

--- Hands it to a worker that is free, with such a limit for each item if it has none of its own:
-- the task's number. Raises for what cannot be sent: shared objects go along as descriptors, which
-- can be closed by now, or too many. What is large in its calls goes apart, as a bulk.
function chunk.submit(self, transport, limit)
  local items, bulk = self.items.calls and self.items.calls:bytes() or self.items, nil
  if type(items) == "userdata" then items, bulk = nil, items end
  local payload, parcel = core.encode_bytes("run", self.version.number, self.shape, items, self.first)
  parcel = parcel or self.parcel or nil
  return transport:submit(payload, nil, self.timeout or limit, parcel, self.items.n, bulk)
end

--- No worker needs its calls any more: all have their results.
function chunk.release(self)
  if self.items.calls then self.items.calls:release() end
end

local function part(items, from, to)
  if items.calls then return {n = to - from + 1, calls = items.calls:cut(from, to)} end
  return core.slice(items, from, to)
end

--- A chunk of its items from one place to another, which have been tried so often.
function chunk.piece(self, from, to, attempts)
  local items = part(self.items, from, to)
  local made = chunk.new(self.source, self.version, self.shape, self.timeout, self.first + from - 1, items,
    self.parcel)
  made.attempts, made.stillborn = attempts or false, from == 1 and self.stillborn
  return made
end

return chunk
