--- chunk: some neighbouring items of a source, which go to a worker together (see parallel.singles).
local core = require("parallel.core")

local chunk = {}

--- The task that a worker is given: Bytes, and the shared objects in them as a parcel; and
-- when there is much in its calls, those apart as a bulk.
function chunk.encode(self)
  local items, bulk = self.items.calls and self.items.calls:bytes() or self.items, nil
  if type(items) == "userdata" then items, bulk = nil, items end
  local bytes, parcel = core.encode_bytes("run", self.version.number, self.shape, items, self.first)
  return bytes, parcel, bulk
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
