--- dict: values by keys: dictionaries, and namespaces, whose keys are names.
local refusal = require("parallel.manager.served.refusal")

local methods = {}

local function check_key(k)
  if k == nil or k ~= k then refusal.raise("a key cannot be %s", k == nil and "nil" or "NaN") end
  return k
end

function methods.get(self, k) return self.values[k] end

--- nil takes the key away.
function methods.set(self, k, value)
  local before = self.values[check_key(k)]
  self.values[k] = value
  if before == nil and value ~= nil then self.count = self.count + 1 end
  if before ~= nil and value == nil then self.count = self.count - 1 end
end

function methods.count(self) return self.count end

function methods.items(self)
  local keys, values = {}, {}
  for k, value in pairs(self.values) do keys[#keys + 1], values[#values + 1] = k, value end
  return keys, values
end

function methods.keys(self) return (methods.items(self)) end

function methods.values(self) return (select(2, methods.items(self))) end

function methods.to_table(self) return self.values end

function methods.clear(self) self.values, self.count = {}, 0 end

--- The value, which leaves it; `default` when there is none.
function methods.pop(self, k, default)
  local value = self.values[k]
  if value == nil then return default end
  methods.set(self, k, nil)
  return value
end

--- The value; the default, which then is the value, when there is none.
function methods.setdefault(self, k, default)
  if self.values[check_key(k)] == nil then methods.set(self, k, default) end
  return self.values[k]
end

--- All that the table has.
function methods.merge(self, values)
  if type(values) ~= "table" then
    refusal.raise("bad argument #1 to 'merge' (table expected, got %s)", type(values))
  end
  for k, value in pairs(values) do methods.set(self, k, value) end
end

local function new(values)
  local self = {values = {}, count = 0}
  if values ~= nil then methods.merge(self, values) end
  return self
end

-- Of a namespace all names but these are its fields.
local NAMED = {get = true, set = true, count = true, items = true}

return {
  dict = {new = new, methods = methods, indexed = true},
  namespace = {new = new, methods = methods, indexed = true, hidden = NAMED},
}
