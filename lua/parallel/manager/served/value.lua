--- value: one value, and arrays of numbers of one type.
local core = require("parallel.core")
local array = require("parallel.shared.array")
local refusal = require("parallel.manager.served.refusal")
local value = require("parallel.shared.value")

-- What the object in shared memory says of wrong arguments is the caller's mistake.
local function call(f, ...)
  local results = {pcall(f, ...)}
  if not results[1] then refusal.raise("%s", (tostring(results[2]):gsub("^parallel/[^:]+:%d+: ", ""))) end
  return results[2]
end

-- ---- values ---------------------------------------------------------------

-- Of any type: as one of shared memory.
local Plain = {}
Plain.__index = Plain

function Plain:add(n)
  self.value = self.value + (n or 1)
  return self.value
end

function Plain:compare_and_set(old, new)
  local same = self.value == old
  if same then self.value = new end
  return same
end

local CTYPES = {}
for name in ("i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 bool"):gmatch("%S+") do CTYPES[name] = true end

-- value(ctype, init), or value(init) for one of any type
local function new_value(...)
  local first = ...
  if CTYPES[first] then return call(value.new, ...) end
  return setmetatable({value = first}, Plain)
end

local methods = {}

local function get_value(self) return self.value end

local function set_value(self, new) self.value = new end

function methods.get(self) return call(get_value, self) end

function methods.set(self, _, new) call(set_value, self, new) end

methods.value = methods.get

function methods.add(self, n) return call(self.add, self, n == nil and 1 or n) end

function methods.compare_and_set(self, old, new) return call(self.compare_and_set, self, old, new) end

-- ---- arrays ---------------------------------------------------------------

local elements = {}

for _, name in ipairs({"fill", "sum", "min", "max", "to_table", "to_string", "count"}) do
  elements[name] = function(self, ...) return call(self[name], self, ...) end
end

local function get_element(self, i) return self[i] end

local function set_element(self, i, new) self[i] = new end

--- One of them; with a number, or without place, a list of as many from there on.
function elements.get(self, i, n)
  if i == nil or n ~= nil then return call(self.get, self, i, n) end
  return call(get_element, self, i)
end

--- One of them, or a list from there on.
function elements.set(self, i, new)
  if type(new) == "table" then return call(self.set, self, i, new) end
  call(set_element, self, i, new)
end

function elements.items(self)
  local places = {}
  for i = 1, self:count() do places[i] = i end
  return places, self:to_table()
end

return {
  value = {new = new_value, methods = methods, fields = {value = true}, single = true},
  array = {
    new = function(...) return call(core.array and array.new, ...) end,
    methods = elements,
    indexed = true,
  },
}
