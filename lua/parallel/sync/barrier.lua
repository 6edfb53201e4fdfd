--- barrier: where processes wait until so many of them have come.
local check = require("parallel.base.check")
local core = require("parallel.core")

local Barrier = {}

local MOST = 65536 -- parties
local FIELDS = {parties = "parties", n_waiting = "waiting", broken = "is_broken"}

-- `parties`, `n_waiting` and `broken` are read as they are just now; all else is a method.
function Barrier.__index(self, name)
  local field = FIELDS[name]
  if field then return self.gate[field](self.gate) end
  return Barrier[name]
end

core.register_type("parallel.sync.barrier", Barrier)

--- Make one for so many parties. The last to come calls action() before all go on; `timeout` is
-- how many seconds each waits when wait is not told otherwise.
local function new(parties, action, timeout)
  check.type(parties, "number", 1, "Barrier")
  if not (parties >= 1 and parties <= MOST and parties == math.floor(parties)) then
    check.fail(("bad argument #1 to 'Barrier' (from 1 to %d parties, got %s)"):format(
      MOST, tostring(parties)))
  end
  if action ~= nil then check.callable(action, 2, "Barrier") end
  check.optional_time(timeout, 3, "Barrier")
  return setmetatable({gate = core.barrier(parties), action = action, timeout = timeout}, Barrier)
end

--- Wait until all parties have come: this one's place in the order of arrival, from 1; or nil,
-- "broken" when one of them gave up, died, or called abort.
function Barrier:wait(timeout)
  check.optional_time(timeout, 1, "wait")
  if timeout == nil then timeout = self.timeout end
  return self.gate:wait(timeout, self.action)
end

--- Break it: all that wait, and all that come, are told so.
function Barrier:abort() self.gate:abort() end

--- Make it whole again; those that wait now are told that it broke.
function Barrier:reset() self.gate:reset() end

--- Of no more use in this process.
function Barrier:close() self.gate:close() end

Barrier.__close = Barrier.close

return {new = new}
