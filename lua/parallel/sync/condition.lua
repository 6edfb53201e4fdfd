--- condition: processes that hold a lock wait until another that holds it gives notice.
local check = require("parallel.base.check")
local core = require("parallel.core")
local guard = require("parallel.sync.guard")

local Condition = {}
Condition.__index = Condition
core.register_type("parallel.sync.condition", Condition)

local function is_lock(value)
  local class = type(value) == "userdata" and getmetatable(value)
  return class == core.Lock or class == core.RLock
end

--- Make one; the lock is a new RLock when none is given. Several conditions may share a lock.
local function new(lock)
  if lock == nil then lock = core.rlock() end
  if not is_lock(lock) then
    check.fail(("bad argument #1 to 'Condition' (lock expected, got %s)"):format(type(lock)))
  end
  return setmetatable({lock = lock, waiters = core.waiters()}, Condition)
end

--- Those of its lock; `with` and `guard` too.
function Condition:acquire(timeout)
  check.optional_time(timeout, 1, "acquire")
  return self.lock:acquire(timeout)
end

function Condition:release() self.lock:release() end
guard.add_to(Condition)

local function check_held(self, what)
  if not self.lock:is_held() then
    check.fail(("attempt to %s a condition whose lock this process does not hold"):format(what))
  end
end

--- Give the lock up until notified, at most so many seconds, and take it again: true, or nil,
-- "timeout". True and "abandoned" when the one who then held the lock died.
function Condition:wait(timeout)
  check.optional_time(timeout, 1, "wait")
  check_held(self, "wait for")
  local place = self.waiters:enlist()
  local depth = self.lock:unwind()
  local ok, why = pcall(self.waiters.await, self.waiters, place, timeout)
  local _, abandoned, problem = self.lock:rewind(depth)
  local notified = self.waiters:leave(place)
  if not ok then error(why, 0) end
  if problem ~= nil then error(problem, 0) end
  if notified then return true, abandoned end
  return nil, "timeout"
end

--- Wait until predicate() is true, at most so many seconds; returns what it returned, or nil,
-- "timeout".
function Condition:wait_for(predicate, timeout)
  check.callable(predicate, 1, "wait_for")
  check.optional_time(timeout, 2, "wait_for")
  local deadline = timeout and core.clock() + timeout
  while true do
    local result = predicate()
    if result then return result end
    local left = deadline and deadline - core.clock()
    if left and left <= 0 then return nil, "timeout" end
    self:wait(left)
  end
end

--- Wake n of those that wait (default 1), the first come first. They go on when the lock is released.
function Condition:notify(n)
  if n == nil then n = 1 end
  check.type(n, "number", 1, "notify")
  if n < 0 or n ~= n then check.fail("bad argument #1 to 'notify' (a number of processes expected)") end
  check_held(self, "notify")
  self.waiters:notify(n)
end

--- Wake all that wait.
function Condition:notify_all() self:notify(math.huge) end

--- Of no more use in this process; the lock is its owner's to close.
function Condition:close() self.waiters:close() end

Condition.__close = Condition.close

return {
  new = new,
  --- For all that has wait(timeout): the method `wait_for`.
  wait_for = Condition.wait_for,
}
