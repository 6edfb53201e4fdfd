--- gathered: the results of a map, as a list in the order of the items, or as they come.
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

local function take_failure(self, place, failed)
  if self.on_error == "collect" then
    self.list[place] = failed
  elseif self.on_error == "skip" then
    self.skipped = self.skipped or {}
    self.skipped[place] = true
  elseif not self.failure or failed.index < self.failure.index then
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
  self.ordered = options.ordered ~= false
  function self.receive(number, ok, value)
    local place = self.ordered and number or self.list.n + 1
    if ok then self.list[place] = value else take_failure(self, place, value) end
    self.list.n = math.max(self.list.n, place)
  end
  return self
end

return gathered
