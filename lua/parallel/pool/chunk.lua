--- chunk: some neighbouring items of a source, which go to a worker together (see parallel.pool.singles).
local core = require("parallel.core")

local chunk = {}

--- Hands it to a worker that is free, with such a limit for each item if it has none of its own:
-- the task's number. Raises for what cannot be sent: shared objects go along as descriptors, which
-- can be closed by now, or too many. What is large in its calls goes apart, as a bulk.
function chunk.submit(self, transport, limit)
  local items, bulk = self.items.calls and self.items.calls:bytes() or self.items, nil
  if type(items) == "userdata" then items, bulk = nil, items end
  local payload, parcel = core.encode_bytes("run", self.version.number, self.shape, items, self.first)
  return transport:submit(payload, nil, self.timeout or limit, parcel or self.parcel, self.items.n, bulk)
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
  return {source = self.source, version = self.version, shape = self.shape,
          timeout = self.timeout, first = self.first + from - 1, items = items, attempts = attempts,
          stillborn = from == 1 and self.stillborn or nil, parcel = self.parcel}
end

return chunk
