--- queue: items that clients put and get, first in, first out.
local line = require("parallel.manager.served.line")
local refusal = require("parallel.manager.served.refusal")

local function new(maxsize)
  if maxsize == nil then maxsize = 0 end
  if type(maxsize) ~= "number" or maxsize % 1 ~= 0 then
    refusal.raise("a queue's size must be a whole number, got %s", tostring(maxsize))
  end
  return {
    maxsize = maxsize > 0 and maxsize or math.huge, first = 1, last = 0, unfinished = 0, closed = false,
    getters = line.new(), putters = line.new(), joiners = line.new(),
  }
end

local methods, turns = {}, {}

function methods.qsize(self) return self.last - self.first + 1 end

methods.count = methods.qsize

function methods.empty(self) return self.last < self.first end

function methods.full(self) return methods.qsize(self) >= self.maxsize end

local function check_open(self)
  if self.closed then refusal.raise("attempt to use a closed queue") end
end

-- To who waits for one, else behind the others.
local function add(self, value)
  self.unfinished = self.unfinished + 1
  if self.getters:wake(value) then return end
  self.last = self.last + 1
  self[self.last] = value
end

local function take(self)
  local value = self[self.first]
  self[self.first] = nil
  self.first = self.first + 1
  local putter = self.putters:take()
  if putter then
    add(self, putter.value)
    putter.server:wake(putter, true)
  end
  return value
end

function turns.put(self, turn, value, timeout)
  if value == nil then refusal.raise("cannot send nil") end
  refusal.check_time(timeout)
  check_open(self)
  if not methods.full(self) then
    add(self, value)
    return true
  end
  turn.value = value
  local put = turn:wait(self.putters, timeout)
  if put == nil then return nil, "timeout", "full" end
  check_open(self)
  return true
end

function turns.get(self, turn, timeout)
  refusal.check_time(timeout)
  if not methods.empty(self) then return take(self) end
  if self.closed then return nil, "closed" end
  local value = turn:wait(self.getters, timeout)
  if value ~= nil then return value end
  return nil, self.closed and "closed" or "timeout"
end

function turns.put_nowait(self, turn, value) return turns.put(self, turn, value, 0) end

function turns.get_nowait(self, turn) return turns.get(self, turn, 0) end

function methods.task_done(self)
  if self.unfinished == 0 then refusal.raise("task_done was called more often than there were items") end
  self.unfinished = self.unfinished - 1
  if self.unfinished == 0 then self.joiners:wake_all(true) end
end

function turns.join(self, turn, timeout)
  refusal.check_time(timeout)
  if self.unfinished == 0 or turn:wait(self.joiners, timeout) then return true end
  return nil, "timeout"
end

--- For everybody: nothing more is put; what is there can be got.
function methods.close(self)
  self.closed = true
  self.getters:wake_all(nil)
  self.putters:wake_all(false)
end

local class = {new = new, methods = methods, turns = turns}

return {queue = class, joinable_queue = class}
