--- check: arguments of public functions, refused at the line of whoever gave them.
local size = require("parallel.base.size")
local unpack = require("parallel.base.packing").unpack

local check = {}

local function is_ours(info) return info ~= nil and info.source:find("^@parallel/") ~= nil end

--- Raise the message at the line of the caller: the first function up the stack
-- that is not of this library, nor one of C, such as pcall, that it has called.
function check.fail(message)
  local level, info = 2, debug.getinfo(2, "S")
  while info do
    local caller = debug.getinfo(level + 1, "S")
    if not (is_ours(info) or info.what == "C" and is_ours(caller)) then break end
    level, info = level + 1, caller
  end
  error(message, level)
end

local function refuse(number, name, text)
  check.fail(("bad argument #%d to '%s' (%s)"):format(number, name, text))
end

local function type_of(value) return value == nil and "no value" or type(value) end

--- The argument must be of this type.
function check.type(value, wanted, number, name)
  if type(value) ~= wanted then
    refuse(number, name, ("%s expected, got %s"):format(wanted, type_of(value)))
  end
end

--- The argument must be something to call.
function check.callable(value, number, name)
  if type(value) == "function" then return end
  local meta = getmetatable(value)
  if type(meta) == "table" and meta.__call then return end
  refuse(number, name, "function expected, got " .. type_of(value))
end

local function is_whole(value)
  return type(value) == "number" and value == math.floor(value) and math.abs(value) < math.huge
end

--- The list says by its field n how many it has, or has no such field; `what` it is called.
function check.count(list, what, number, name)
  local n = list.n
  if n == nil or is_whole(n) and n >= 0 then return end
  refuse(number, name, ("%s's n must be a whole number, at least 0, got %s"):format(what, tostring(n)))
end

--- The argument must be a list, or an iterator of which items can be had one by one.
function check.items(value, number, name)
  if type(value) ~= "table" and type(value) ~= "function" then
    refuse(number, name, "table or iterator expected, got " .. type_of(value))
  end
  if type(value) == "table" then check.count(value, "the list", number, name) end
end

local MANY = 200 -- a call takes so many anywhere

--- The argument must be a list of arguments; nils count in one that has a field n.
function check.arguments(value, number, name)
  check.type(value, "table", number, name)
  check.count(value, "the list", number, name)
  local count = value.n or #value
  if count > MANY and not pcall(unpack, value, 1, count) then
    refuse(number, name, ("%.0f arguments are too many for a call"):format(count))
  end
end

--- The argument must be a table of options, which are all among those that are `known`: of what
-- types each may be ("number or string"), or true when that is seen to elsewhere.
function check.options(options, known, number, name)
  check.type(options, "table", number, name)
  for field, value in pairs(options) do
    local wanted = known[field]
    if not wanted then refuse(number, name, ("unknown option '%s'"):format(tostring(field))) end
    if wanted ~= true and not wanted:find(type(value), 1, true) then
      refuse(number, name, ("%s must be a %s, got %s"):format(field, wanted, type(value)))
    end
  end
end

--- The option, when given, must be a whole number of at least `least`, if there is a least one.
function check.whole_option(options, field, least, number, name)
  local value = options[field]
  if value == nil then return end
  if is_whole(value) and not (least and value < least) then return end
  local range = least and (", at least %d"):format(least) or ""
  refuse(number, name, ("%s must be a whole number%s, got %s"):format(field, range, tostring(value)))
end

--- The option, when given, must be an amount of memory; it becomes a number of bytes.
function check.size_option(options, field, number, name)
  local value = options[field]
  if value == nil then return end
  options[field] = size.bytes(value)
  if options[field] then return end
  refuse(number, name, ('%s must be bytes or like "512M", got %s'):format(field, tostring(value)))
end

--- The argument, when given, must be a number of seconds to wait, of any sign.
function check.optional_time(value, number, name)
  if value == nil or type(value) == "number" and value == value then return end
  refuse(number, name, "number of seconds expected, got " .. type_of(value))
end

--- The option, when given, must be a time that something may take.
function check.time_option(options, field, number, name)
  local value = options[field]
  if value == nil or type(value) == "number" and value > 0 then return end
  refuse(number, name, ("%s must be a positive number of seconds, got %s"):format(field, tostring(value)))
end

--- The option, when given, must be one of these.
function check.choice_option(options, field, choices, number, name)
  local value = options[field]
  if value == nil then return end
  for _, choice in ipairs(choices) do
    if value == choice then return end
  end
  refuse(number, name, ("%s must be one of %s, got %s"):format(
    field, table.concat(choices, ", "), tostring(value)))
end

return check
