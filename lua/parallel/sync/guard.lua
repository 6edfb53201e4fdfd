--- guard: an acquired lock that is released at the end of a block.
-- For whatever has acquire and release: locks, semaphores, conditions.
local check = require("parallel.base.check")

local guard = {}

local Guard = {}
Guard.__index = Guard

--- Release the lock; twice is harmless.
function Guard:close()
  local lock = self.lock
  self.lock = nil
  if lock then lock:release() end
end

Guard.__close = Guard.close

local function release_and_return(lock, ok, ...)
  lock:release()
  if ok then return ... end
  error((...), 0)
end

--- Give a class the methods `with` and `guard`.
function guard.add_to(class)
  --- Acquire, call f(...), release also when it raises; returns f's results.
  function class:with(f, ...)
    check.callable(f, 1, "with")
    self:acquire()
    return release_and_return(self, pcall(f, ...))
  end

  --- Acquire until the guard is closed: local guard <close> = lock:guard(). Also
  -- returns "abandoned" when who held it before died.
  function class:guard()
    local _, abandoned = self:acquire()
    return setmetatable({lock = self}, Guard), abandoned
  end
end

return guard
