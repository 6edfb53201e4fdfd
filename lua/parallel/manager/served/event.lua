--- event: a flag that clients wait for.
local line = require("parallel.manager.served.line")
local refusal = require("parallel.manager.served.refusal")

local methods, turns = {}, {}

function methods.set(self)
  self.is_set = true
  self.waiting:wake_all(true)
end

function methods.clear(self) self.is_set = false end

function methods.is_set(self) return self.is_set end

function turns.wait(self, turn, timeout)
  refusal.check_time(timeout)
  if self.is_set or turn:wait(self.waiting, timeout) then return true end
  return nil, "timeout"
end

return {
  event = {
    new = function() return {is_set = false, waiting = line.new()} end,
    methods = methods,
    turns = turns,
  },
}
