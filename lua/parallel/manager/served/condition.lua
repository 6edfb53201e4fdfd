--- condition: clients that hold a lock wait until another that holds it gives notice.
local line = require("parallel.manager.served.line")
local refusal = require("parallel.manager.served.refusal")
local rlock = require("parallel.manager.served.lock").rlock

local function new(lock)
  if lock == nil then lock = rlock.new() end
  if not rlock.is(lock) then
    refusal.raise("bad argument #1 to 'condition' (lock of this manager expected)")
  end
  return {lock = lock, waiting = line.new()}
end

local function check_held(self, turn, what)
  if self.lock:is_held(turn) then return end
  refusal.raise("attempt to %s a condition whose lock this process does not hold", what)
end

local turns = {}

function turns.acquire(self, turn, timeout) return self.lock:acquire(turn, timeout) end

function turns.release(self, turn) return self.lock:release(turn) end

function turns.wait(self, turn, timeout)
  refusal.check_time(timeout)
  check_held(self, turn, "wait for")
  local depth = self.lock:unwind(turn)
  local notified = turn:wait(self.waiting, timeout)
  local _, abandoned = self.lock:take(turn, nil, depth)
  if notified then return true, abandoned end
  return nil, "timeout"
end

function turns.notify(self, turn, n)
  check_held(self, turn, "notify")
  for _ = 1, math.min(n or 1, self.waiting.count) do self.waiting:wake(true) end
end

function turns.notify_all(self, turn) turns.notify(self, turn, math.huge) end

return {condition = {new = new, turns = turns, guarded = true, made_of_object = true}}
