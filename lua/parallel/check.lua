--- check: arguments of public functions, refused at the line of whoever gave them.
local size = require("parallel.size")

local check = {}

--- Raise the message at the line of the caller: the first function up the stack
-- that is not of this library.
function check.fail(message)
  local level = 2
  while true do
    local info = debug.getinfo(level, "S")
    if not info or not info.source:find("^@parallel/") then break end
    level = level + 1
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

--- The argument must be a list, or an iterator of which items can be had one by one.
function check.items(value, number, name)
  if type(value) ~= "table" and type(value) ~= "function" then
    refuse(number, name, "table or iterator expected, got " .. type_of(value))
  end
end

--- The option, when given, must be a whole number of at least `least`.
function check.whole_option(options, field, least, number, name)
  local value = options[field]
  if value == nil then return end
  if type(value) ~= "number" or value ~= math.floor(value) or value < least or value == math.huge then
    refuse(number, name, ("%s must be a whole number, at least %d, got %s"):format(
      field, least, tostring(value)))
  end
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

--- The option `progress`, when given, must be true or a function (false: none).
function check.progress_option(options, number, name)
  local kind = type(options.progress)
  if kind == "nil" or kind == "boolean" or kind == "function" then return end
  refuse(number, name, "progress must be true or a function, got " .. kind)
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
