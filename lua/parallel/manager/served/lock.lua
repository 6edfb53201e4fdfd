--- lock: locks in the manager's process, held by clients.
local line = require("parallel.manager.served.line")
local refusal = require("parallel.manager.served.refusal")

local Lock = {}
Lock.__index = Lock

local function new(recursive)
  return setmetatable({recursive = recursive, depth = 0, waiting = line.new()}, Lock)
end

local function give(self, turn, depth)
  self.holder, self.depth = turn.client, depth
  turn:holds(self, true)
end

-- To the first of those who wait; `abandoned` goes to whoever is next, now or later.
local function pass_on(self, abandoned)
  self.holder, self.depth, self.abandoned = nil, 0, abandoned
  local turn = self.waiting:take()
  if not turn then return end
  self.abandoned = nil
  give(self, turn, turn.depth or 1)
  turn.server:wake(turn, true, abandoned)
end

--- The client is dead: the next one gets it.
function Lock:forget(client)
  if self.holder == client then pass_on(self, "abandoned") end
end

--- True, true and "abandoned" when its holder died, or false: too late. `depth` is how often it is
-- then held.
function Lock:take(turn, timeout, depth)
  if self.holder then
    turn.depth = depth
    local taken, abandoned = turn:wait(self.waiting, timeout)
    return taken or false, abandoned
  end
  local abandoned = self.abandoned
  self.abandoned = nil
  give(self, turn, depth or 1)
  return true, abandoned
end

function Lock:acquire(turn, timeout)
  refusal.check_time(timeout)
  if self.recursive and self.holder == turn.client then
    self.depth = self.depth + 1
    return true
  end
  return self:take(turn, timeout)
end

function Lock:is_held(turn) return self.holder == turn.client end

--- Give it up whole; returns how often it was held.
function Lock:unwind(turn)
  if not self:is_held(turn) then
    refusal.raise("attempt to release a lock that this process does not hold")
  end
  local depth = self.depth
  turn:holds(self, false)
  pass_on(self)
  return depth
end

function Lock:release(turn)
  if self:is_held(turn) and self.depth > 1 then self.depth = self.depth - 1 else self:unwind(turn) end
end

local TURNS = {acquire = Lock.acquire, release = Lock.release, is_held = Lock.is_held}

return {
  lock = {new = function() return new(false) end, turns = TURNS, guarded = true},
  rlock = {
    new = function() return new(true) end,
    turns = TURNS,
    guarded = true,
    is = function(object) return getmetatable(object) == Lock end, -- one of either kind
  },
}
