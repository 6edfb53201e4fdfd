--- barrier: where clients wait until so many of them have come.
local line = require("parallel.manager.served.line")
local refusal = require("parallel.manager.served.refusal")

local function new(parties, action, timeout)
  if type(parties) ~= "number" or parties % 1 ~= 0 or parties < 1 then
    refusal.raise("a barrier has 1 or more parties, got %s", tostring(parties))
  end
  if action ~= nil and type(action) ~= "function" then
    refusal.raise("bad argument #2 to 'barrier' (function expected, got %s)", type(action))
  end
  refusal.check_time(timeout)
  return {parties = parties, action = action, timeout = timeout, is_broken = false, waiting = line.new()}
end

local methods, turns = {}, {}

function methods.abort(self)
  self.is_broken = true
  self.waiting:wake_all(false)
end

function methods.reset(self)
  self.waiting:wake_all(false)
  self.is_broken = false
end

function methods.parties(self) return self.parties end

function methods.n_waiting(self) return self.waiting.count end

function methods.broken(self) return self.is_broken end

-- The last has come, and acts for all.
local function open(self)
  local ok, why = pcall(self.action or function() end)
  if not ok then
    methods.abort(self)
    error(why, 0)
  end
  self.waiting:wake_all(true)
  return self.parties
end

function turns.wait(self, turn, timeout)
  if refusal.check_time(timeout) == nil then timeout = self.timeout end
  if self.is_broken then return nil, "broken" end
  local place = self.waiting.count + 1
  if place == self.parties then return open(self) end
  local function abort() methods.abort(self) end
  local opened = turn:wait(self.waiting, timeout, abort)
  if opened then return place end
  if opened == nil then abort() end
  return nil, "broken"
end

return {
  barrier = {
    new = new,
    methods = methods,
    turns = turns,
    fields = {parties = true, n_waiting = true, broken = true},
  },
}
