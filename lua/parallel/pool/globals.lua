--- globals: what was pushed to all workers of a pool, for those that are started later.
--
-- Values are kept as they were when they were pushed, as bytes. What was pushed together
-- stays together, since its values may share tables.
local core = require("parallel.core")

local Globals = {}
Globals.__index = Globals

--- These globals are not what workers started later shall have any more.
function Globals:forget(values)
  local kept = {}
  for _, push in ipairs(self.pushes) do
    for name in pairs(values) do push.names[name] = nil end
    if next(push.names) ~= nil then kept[#kept + 1] = push end
  end
  self.pushes = kept
end

--- Remember values by name; returns them as bytes and parcel, for the workers that
-- are there. Raises "PATH: REASON" when something cannot leave this process.
function Globals:add(values)
  local bytes, parcel = core.encode_trusted(values)
  self:forget(values)
  local names = {}
  for name in pairs(values) do names[name] = true end
  table.insert(self.pushes, {bytes = bytes, parcel = parcel, names = names})
  return bytes, parcel
end

-- In a worker: set those of the names that are wanted, all of them when nothing is said.
local function set(bytes, parcel, wanted)
  for name, value in pairs((core.decode_trusted(bytes, parcel))) do
    if not wanted or wanted[name] then rawset(_G, name, value) end
  end
end

--- In a worker that begins: have all that was pushed before.
function Globals:apply()
  for _, push in ipairs(self.pushes) do set(push.bytes, push.parcel, push.names) end
end

--- The shared objects among them: a worker that is forked now needs them.
function Globals:add_held(objects)
  for _, push in ipairs(self.pushes) do
    for _, object in ipairs(push.parcel or {}) do objects[#objects + 1] = object end
  end
  return objects
end

--- All of them, for `globals.new` in a process that inherits nothing.
function Globals:all() return self.pushes end

return {
  --- Of a pool that has pushed nothing yet; or `all` of another process.
  new = function(pushes) return setmetatable({pushes = pushes or {}}, Globals) end,
  set = set,
}
