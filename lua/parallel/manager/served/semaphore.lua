--- semaphore: units that belong to nobody: whoever likes releases.
local line = require("parallel.manager.served.line")
local refusal = require("parallel.manager.served.refusal")

local MOST = 2 ^ 31 - 1

local function maker(bounded)
  return function(units)
    if units == nil then units = 1 end
    if type(units) ~= "number" or units % 1 ~= 0 or units < 0 or units > MOST then
      refusal.raise("a semaphore has 0 or more whole units, got %s", tostring(units))
    end
    return {units = units, bound = bounded and units or MOST, waiting = line.new()}
  end
end

local turns, methods = {}, {}

function turns.acquire(self, turn, timeout)
  refusal.check_time(timeout)
  if self.units == 0 then return turn:wait(self.waiting, timeout) or false end
  self.units = self.units - 1
  return true
end

function methods.release(self)
  if self.units == self.bound then refusal.raise("attempt to release a semaphore too often") end
  if not self.waiting:wake(true) then self.units = self.units + 1 end
end

function methods.value(self) return self.units end

return {
  semaphore = {new = maker(false), turns = turns, methods = methods, guarded = true},
  bounded_semaphore = {new = maker(true), turns = turns, methods = methods, guarded = true},
}
