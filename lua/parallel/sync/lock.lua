--- lock: what processes take turns with: Lock, RLock, Semaphore, BoundedSemaphore.
-- See core/lua/lock.h and semaphore.h for their methods.
local core = require("parallel.core")
local guard = require("parallel.sync.guard")

for _, class in ipairs({core.Lock, core.RLock, core.Semaphore}) do guard.add_to(class) end

return {
  Lock = core.lock,
  RLock = core.rlock,
  Semaphore = core.semaphore,
  BoundedSemaphore = core.bounded_semaphore,
}
