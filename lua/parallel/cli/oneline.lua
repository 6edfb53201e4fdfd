--- oneline: the job that -e, --begin, --end and --reduce describe on the command line.
--
-- The code is the body of a function. In scope are record, emit, f (with -F),
-- offset, and the globals path and header, set for each piece; and what SCOPE lists.
local exit = require("parallel.cli.exit")
local job_contract = require("parallel.mapreduce.job")
local parallel = require("parallel")

-- On the line of the code itself, so that messages count its lines from 1.
local SCOPE = "local parallel, counter = ..., (...).counter; "
  .. "local words, lines, fields, ngrams = parallel.words, parallel.lines, parallel.fields, parallel.ngrams; "

local oneline = {}

local compile = loadstring or load

-- The function that this opens and the code ends. The code is compiled by itself first: what is wrong
-- with it is told as of its own lines, not of the end that is added.
local function compiled(name, opening, code, ...)
  local chunk, why = compile(code, "=" .. name)
  if chunk then chunk, why = compile(SCOPE .. opening .. code .. "\nend", "=" .. name) end
  if not chunk then return nil, why end
  return chunk(parallel, ...)
end

local function checked(made, why)
  return made or exit.with(exit.USAGE, "%s", why)
end

local function mentions(code, name) return code:find("%f[%w_]" .. name .. "%f[^%w_]") ~= nil end

-- The offset of every record costs a little, so it is asked for only when it is used.
local function map_function(code, separator)
  local before, parameters = "", "record, emit"
  if mentions(code, "offset") then
    before, parameters = "local offset = info.offset; ", parameters .. ", info"
  end
  if separator then before = before .. "local f = fields(record, separator); " end
  return checked(compiled("-e",
    "local separator = select(2, ...); return function(" .. parameters .. ") " .. before, code, separator))
end

local function set_scope(info) _G.path, _G.header = info.path, info.header end

local function begin_function(code)
  if not code then return set_scope end
  local begin = checked(compiled("--begin", "return function() ", code))
  return function(info)
    set_scope(info)
    begin()
  end
end

local function end_function(code)
  return code and checked(compiled("--end", "return function(emit) ", code))
end

--- The job of these options.
function oneline.job(options)
  local separator = options.field_separator
  if separator == " " or separator == "" then separator = false end -- at blanks, as awk
  local code = table.concat(options.map, "\n")
  return {
    map = separator == false and map_function("local f = fields(record); " .. code)
      or map_function(code, separator),
    map_begin = begin_function(options.begin), map_end = end_function(options["end"]),
  }
end

local IN_REDUCE = {}
for name in ("key values emit parallel counter words lines fields ngrams nil true false"):gmatch("%a+") do
  IN_REDUCE[name] = true
end

-- A name that stands for nothing is a misspelt one: as code it would drop every key, and say nothing.
local function check_name(code)
  local name = code:match("^[%a_][%w_]*$")
  if not name or IN_REDUCE[name] or _G[name] ~= nil then return end
  exit.with(exit.USAGE, "--reduce takes a name, such as sum, or code; '%s' is neither", name)
end

--- Give the job what --combine and --reduce say: a name is combined in the map
-- workers; code is an expression, or statements that return the value.
function oneline.set_reduce(job, options)
  local code = options.reduce
  if code and job_contract.is_combiner(code) then
    job.combine, job.reduce = code, nil
  elseif code then
    check_name(code)
    local opening = "return function(key, values, emit) "
    -- In parentheses: a tail call would be missing in tracebacks.
    job.reduce = compiled("--reduce", opening, "return (" .. code .. "\n)")
      or checked(compiled("--reduce", opening, code))
  end
  job.combine = options.combine or job.combine
end

-- A zip code or a number of 20 digits is text: what they say would be lost.
local function as_value(text)
  local number = text:find("^%-?[%d.]") and not text:find("^%-?0[%dxX]") and tonumber(text)
  local is_kept = number and (text:find("[.eE]") or ("%.0f"):format(number) == text)
  return is_kept and number or text
end

--- Set the globals of -v and -l. A value that reads like a decimal number is one.
function oneline.set_globals(options)
  for _, name in ipairs(options.load or {}) do
    local ok, module = pcall(require, name)
    if not ok then exit.with(exit.USAGE, "%s", module) end
    _G[name:match("[^.]+$")] = module
  end
  for _, text in ipairs(options.variable or {}) do
    local name, value = text:match("^([%a_][%w_]*)=(.*)$")
    if not name then exit.with(exit.USAGE, "-v takes name=value, got '%s'", text) end
    _G[name] = as_value(value)
  end
end

--- The options that say what a job does, as a text.
function oneline.command(options)
  local lines = {}
  for _, name in ipairs({"map", "begin", "end", "field_separator", "load", "variable"}) do
    local value = options[name]
    local list = type(value) == "table" and value or {value}
    for _, text in ipairs(list) do lines[#lines + 1] = name .. ": " .. text end
  end
  return table.concat(lines, "\n")
end

return oneline
