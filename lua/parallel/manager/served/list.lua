--- list: a list of values, counted from 1.
local refusal = require("parallel.manager.served.refusal")
local unpack = require("parallel.base.packing").unpack

local function check_value(value)
  if value == nil then refusal.raise("a list cannot hold nil") end
  return value
end

local function check_table(value, name)
  if type(value) == "table" then return value end
  refusal.raise("bad argument #1 to '%s' (table expected, got %s)", name, type(value))
end

local function check_index(self, i, last)
  if type(i) == "number" and i % 1 == 0 and i >= 1 and i <= last then return i end
  refusal.raise("there is no place %s in a list of %d", tostring(i), #self)
end

local methods = {}

function methods.get(self, i) return self[i] end

--- Also right behind the last, which makes it longer; nil only for the last, which is then gone.
function methods.set(self, i, value)
  if value == nil then
    if check_index(self, i, #self) < #self then check_value(nil) end
    self[i] = nil
  else
    self[check_index(self, i, #self + 1)] = value
  end
end

function methods.count(self) return #self end

function methods.append(self, value) self[#self + 1] = check_value(value) end

function methods.extend(self, values)
  for _, value in ipairs(check_table(values, "extend")) do self[#self + 1] = value end
end

--- insert(value) appends, insert(i, value) puts it at that place, before what is there.
function methods.insert(self, i, ...)
  if select("#", ...) == 0 then return methods.append(self, i) end
  table.insert(self, check_index(self, i, #self + 1), check_value((...)))
end

--- The value at that place, the last when left out, which leaves the list.
function methods.remove(self, i)
  if i == nil and #self == 0 then return nil end
  return table.remove(self, check_index(self, i == nil and #self or i, #self))
end

methods.pop = methods.remove

function methods.sort(self, before) table.sort(self, before) end

function methods.reverse(self)
  local n = #self
  for i = 1, math.floor(n / 2) do self[i], self[n + 1 - i] = self[n + 1 - i], self[i] end
end

--- The first place of that value; nil when it is not there.
function methods.index(self, value)
  for i = 1, #self do
    if self[i] == value then return i end
  end
end

function methods.clear(self)
  for i = #self, 1, -1 do self[i] = nil end
end

function methods.slice(self, first, last) return {unpack(self, first or 1, last or #self)} end

function methods.to_table(self) return methods.slice(self) end

function methods.items(self)
  local places = {}
  for i = 1, #self do places[i] = i end
  return places, methods.slice(self)
end

local function new(values)
  local self = {}
  if values ~= nil then methods.extend(self, check_table(values, "list")) end
  return self
end

return {list = {new = new, methods = methods, indexed = true}}
