-- values: values of every kind that crosses to another process, made at random
-- or as some bytes say; and the comparison of such values with their copies.
--
--    local objects = values.random(7)
--    values.compare(objects, (core.decode_trusted(core.encode_trusted(objects))))
--
-- What is made is a list, whose first item is the value. The others are the
-- tables and functions in it, in the order of their making, so that a copy of
-- the list says of each object what it became: comparing needs no search, and
-- sees every table that is shared where it should not be, or no longer is.
local values = {}

local MOST_OBJECTS = 60
local math_type = math.type or type
local unpack = table.unpack or unpack

local Point, Stack = {}, {}

function values.register_types(core)
  core.register_type("values.Point", Point)
  core.register_type("values.Stack", Stack, {
    dump = function(stack) return {stack.top, stack.size} end,
    load = function(dumped) return setmetatable({top = dumped[1], size = dumped[2]}, Stack) end,
  })
end

-- ---- making

local KEYS = {"id", "name", "score", "a key of more than thirty-one bytes, which is long", "", "x\0y"}
local FLOATS = {0.5, -1.25, 1e308, 5e-324, -0.0, 1 / 0, -1 / 0, 0 / 0, 2 ^ 53, 3.0, 1e15}
local LIBRARY = {print, math.floor, string.format, math.max}

local function choose(source, list) return list[source() % #list + 1] end

local function integer(source)
  local n = 0
  for _ = 1, source() % 8 do n = n * 256 + source() end
  return source() % 2 == 0 and n or -n
end

local function text(source)
  local bytes = {}
  for i = 1, source() % 48 do bytes[i] = string.char(source()) end
  return table.concat(bytes):rep(source() % 16 == 0 and 100 or 1)
end

local make -- forward

local function note(made, object)
  made[#made + 1] = object
  return object
end

local function make_list(source, made, item)
  local list = note(made, {})
  for i = 1, source() % 24 do list[i] = item(source, made) end
  return list
end

local function make_chain(source, made)
  local outermost = note(made, {})
  local at = outermost
  for _ = 1, source() do
    at[1] = {}
    at = at[1]
    if source() % 8 == 0 then note(made, at) end
  end
  note(made, at)
  return outermost
end

-- A key that is an object must have been made before it is used in two places.
local function make_key(source, made)
  local key = make(source, made)
  if key == nil or key ~= key then return false end
  return key
end

local function make_map(source, made)
  local map = note(made, {})
  for _ = 1, source() % 40 do map[make_key(source, made)] = make(source, made) end
  return map
end

local function make_record(source, made)
  local record = note(made, {})
  for _ = 1, source() % #KEYS do record[choose(source, KEYS)] = make(source, made) end
  return record
end

local function make_records(source, made)
  local keys = {choose(source, KEYS), choose(source, KEYS), choose(source, KEYS)}
  return make_list(source, made, function()
    local record = note(made, {})
    for _, key in ipairs(keys) do record[key] = source() end
    return record
  end)
end

local function make_function(source, made)
  local a, b, c = make(source, made), make(source, made), nil
  local get = note(made, function() return a, b, c, string.format end)
  c = note(made, function(x) a, b = x, get return a end)
  return source() % 2 == 0 and get or c
end

local function make_point(source, made)
  local point = note(made, setmetatable({}, Point))
  point.x, point[1] = make(source, made), make(source, made)
  return point
end

-- What an object dumps cannot hold the object, so only what is made in its parts.
local function make_stack(source, made)
  local top = {text(source), integer(source)}
  return note(made, setmetatable({top = top, size = source()}, Stack))
end

local MAKERS = {
  function() return nil end,
  function(source) return source() % 2 == 0 end,
  function(source) return source() - 100 end,
  integer,
  function(source) return choose(source, FLOATS) end,
  function(source) return integer(source) / 3 end,
  text,
  function(source) return choose(source, KEYS) end,
  function(source) return choose(source, LIBRARY) end,
  function(source, made) return #made > 0 and choose(source, made) or nil end,
  function(source, made) return make_list(source, made, make) end,
  function(source, made) return make_list(source, made, integer) end,
  function(source, made) return make_list(source, made, function() return integer(source) / 7 end) end,
  make_map,
  make_record,
  make_records,
  make_chain,
  make_function,
  make_point,
  make_stack,
}

local OF_SCALARS = 9 -- of those makers, the first

function make(source, made)
  local maker = source() % #MAKERS + 1
  if #made >= MOST_OBJECTS then maker = (maker - 1) % OF_SCALARS + 1 end
  return MAKERS[maker](source, made)
end

local function make_all(source)
  local made = {}
  local value = make(source, made)
  table.insert(made, 1, value == nil and "nil" or value)
  return made
end

--- The value that these bytes describe; any bytes describe one.
function values.from_bytes(bytes)
  local at = 0
  return make_all(function()
    at = at + 1
    return bytes:byte(at) or 0
  end)
end

--- The value with this number, the same on every Lua.
function values.random(seed)
  local state = seed % 2147483647 + 1
  local function source()
    state = state * 16807 % 2147483647
    return math.floor(state / 64) % 256
  end
  for _ = 1, 4 do source() end
  return make_all(source)
end

-- ---- comparing

local function describe(value)
  return ("%s %s"):format(math_type(value) or type(value), tostring(value))
end

local function is_object(value)
  return type(value) == "table" or type(value) == "function"
end

local Comparison = {}
Comparison.__index = Comparison

-- Notes that b is the copy of a. An object has one copy, and is the original of one.
function Comparison:pair(a, b)
  if self.copies[a] == nil and self.originals[b] == nil then
    self.copies[a], self.originals[b] = b, a
    self.queue[#self.queue + 1] = a
  end
  if not (rawequal(self.copies[a], b) and rawequal(self.originals[b], a)) then
    error(("%s is shared in one of two only"):format(describe(a)), 0)
  end
end

local function is_library(value)
  for _, known in ipairs(LIBRARY) do
    if rawequal(value, known) then return true end
  end
  return rawequal(value, string) or rawequal(value, string.format) or rawequal(value, _G)
end

function Comparison:value(a, b, place)
  if is_object(a) and not is_library(a) then
    if type(a) ~= type(b) then error(("%s: %s became %s"):format(place, describe(a), describe(b)), 0) end
    return self:pair(a, b)
  end
  local same = rawequal(a, b) or a ~= a and b ~= b
  same = same and math_type(a) == math_type(b) and (a ~= 0 or 1 / a == 1 / b)
  if not same then error(("%s: %s became %s"):format(place, describe(a), describe(b)), 0) end
end

-- Keys that are objects lead to their copies only once these are known: the
-- list that everything came in has introduced them.
function Comparison:table(a, b)
  local left = 0
  for _ in next, b do left = left + 1 end
  for key, value in next, a do
    local copy = key
    if is_object(key) and not is_library(key) then copy = self.copies[key] end
    self:value(value, rawget(b, copy), describe(key))
    left = left - 1
  end
  if left ~= 0 then error(("%s has %d fields more"):format(describe(b), left), 0) end
  if getmetatable(a) ~= getmetatable(b) then error(describe(a) .. " lost its metatable", 0) end
end

local function upvalue_id(f, i)
  return debug.upvalueid(f, i)
end

function Comparison:functions(a, b)
  for i = 1, 255 do
    local name, value = debug.getupvalue(a, i)
    local copy_name, copy = debug.getupvalue(b, i)
    if name ~= copy_name then error(("upvalue %s became %s"):format(name, copy_name), 0) end
    if name == nil then break end
    self:value(value, copy, name)
    local id, copy_id = upvalue_id(a, i), upvalue_id(b, i)
    if self.variables[id] == nil then self.variables[id] = copy_id end
    if self.variables[id] ~= copy_id then error(("variable %s is no longer shared"):format(name), 0) end
  end
end

--- Raises what differs, unless `copies` is a faithful copy of the list `objects`.
function values.compare(objects, copies)
  local comparison = setmetatable({copies = {}, originals = {}, variables = {}, queue = {}}, Comparison)
  for i = 1, #objects do comparison:value(objects[i], copies[i], i) end
  local queue, at = comparison.queue, 0
  while at < #queue do
    at = at + 1
    local original, copy = queue[at], comparison.copies[queue[at]]
    if type(original) == "table" then
      comparison:table(original, copy)
    else
      comparison:functions(original, copy)
    end
  end
  if #objects ~= #copies then error("another number of objects", 0) end
end

values.unpack = unpack
return values
