--- fingerprint: what a job makes of its inputs, as names and texts, so that two can be compared.
--
-- Of a function it is the text of the file that it stands in, and what it captures as far as that is
-- numbers, strings, booleans and functions. What it reads besides (globals, tables, files) is not seen.
-- Not part of it is what becomes of the pairs once they are combined: their order, number and format.
local file_text = require("parallel.base.file_text")

local fingerprint = {}

local NAMES = {"command", "map", "map_begin", "map_end", "combine", "records", "header", "block", "seed"}
local PLAIN = {string = true, number = true, boolean = true}

-- Code of the command line is in `command`.
local function code_of(f, command)
  local source = debug.getinfo(f, "S").source
  local kind = source:sub(1, 1)
  if kind ~= "@" and kind ~= "=" then return source end -- it was loaded from a string
  if kind == "=" and command then return "" end
  local ok, code = pcall(string.dump, f)
  return kind == "@" and file_text(source:sub(2)) or ok and code or ""
end

local function add_function(lines, f, command, seen)
  if seen[f] then return end
  seen[f] = true
  local code = code_of(f, command)
  if not seen[code] then lines[#lines + 1] = code end
  seen[code] = true
  local i = 1
  while true do
    local name, value = debug.getupvalue(f, i)
    if not name then return end
    if PLAIN[type(value)] then lines[#lines + 1] = name .. " = " .. tostring(value) end
    if type(value) == "function" then add_function(lines, value, command, seen) end
    i = i + 1
  end
end

local function text_of(f, command)
  local lines = {}
  add_function(lines, f, command, {})
  return table.concat(lines, "\n")
end

--- Of a job (see parallel.mapreduce.job): a list of {name, text}.
function fingerprint.of(job)
  local list = {{"lua", jit and jit.version or _VERSION}, {"reduce", job.spreads and "none" or "some"}}
  for _, name in ipairs(NAMES) do
    local value = job[name]
    local text = type(value) == "function" and text_of(value, job.command) or value ~= nil and tostring(value)
    list[#list + 1] = {name, text or "none"}
  end
  return list
end

local function is_short(text) return #text < 40 and not text:find("%c") end

--- What differs between two of them, to be read by people; nil when nothing does.
function fingerprint.difference(before, now)
  for i, pair in ipairs(now) do
    local name, is, was = pair[1], pair[2], before[i] and before[i][2] or ""
    if is ~= was and is_short(is) and is_short(was) then
      return ("'%s' was %s, and is %s"):format(name, was, is)
    elseif is ~= was then
      return ("'%s' has changed"):format(name)
    end
  end
end

return fingerprint
