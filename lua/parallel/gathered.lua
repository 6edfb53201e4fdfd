--- gathered: the results of a map, as a list in the order of the items.
local core = require("parallel.core")

local Gathered = {}
Gathered.__index = Gathered

local function without(list, skipped)
  local kept, n = {}, 0
  for i = 1, list.n do
    if not skipped[i] then
      n = n + 1
      kept[n] = list[i]
    end
  end
  kept.n = n
  return kept
end

local function take_failure(self, number, failed)
  if self.on_error == "collect" then
    self.list[number] = failed
  elseif self.on_error == "skip" then
    self.skipped = self.skipped or {}
    self.skipped[number] = true
  elseif not self.failure or number < self.failure.index then
    self.failure = failed
  end
end

--- The list; or nil and the error that takes its place.
function Gathered:outcome(source)
  local problem = source.cancelled or self.failure or source.input_error
  if problem then return nil, problem end
  return self.skipped and without(self.list, self.skipped) or self.list
end

local gathered = {}

--- For a call with these options; `receive` is what its mapping wants.
function gathered.new(options, items)
  local self = setmetatable({list = core.empty_list(items), on_error = options.on_error or "raise"}, Gathered)
  function self.receive(number, ok, value)
    self.list.n = math.max(self.list.n, number)
    if ok then self.list[number] = value else take_failure(self, number, value) end
  end
  return self
end

return gathered
