--- job: check that a map-reduce job keeps the contract, and fill in what it leaves out.
--
-- A job is a table of the fields below; `map` is required, and `combine` or
-- `reduce` (or both) say what becomes of the pairs that it emits. Without either
-- they come out as they are.
local halt = require("parallel.mapreduce.halt")
local size = require("parallel.base.size")
local start_method = require("parallel.process.start_method")
local timeline = require("parallel.monitor.timeline")
local worker_count = require("parallel.base.worker_count")

local COMBINERS = {"sum", "count", "min", "max", "mean", "first", "last", "list", "set", "hist", "top:N"}
local SORTS = {
  ["key"] = {"key", false}, ["key asc"] = {"key", false}, ["key desc"] = {"key", true},
  ["value"] = {"value", false}, ["value asc"] = {"value", false}, ["value desc"] = {"value", true},
}

-- Which types each field may have; the first is what an error asks for.
local FIELDS = {
  map = {"function"}, reduce = {"function"}, combine = {"string", "function"},
  map_begin = {"function"}, map_end = {"function"}, before = {"function"}, after = {"function"},
  inputs = {"table", "function"}, values = {"table", "function"}, records = {"string"},
  sort = {"string"}, top = {"number"}, retries = {"number"}, partitions = {"number"},
  workers = {"number"}, progress = {"boolean", "function"},
  ordered = {"boolean"}, header = {"number"}, block = {"number"}, tag = {"boolean"},
  output = {"string", "function", "number"}, format = {"string"}, note = {"function"},
  start_method = {"string"}, memory = {"string", "number"}, tmpdir = {"string"},
  timeout = {"number"}, seed = {"number"}, halt = {"string"}, skip_bad = {"number"},
  on_failure = {"function"},
  warn = {"function"}, command = {"string"}, journal = {"string"},
  joblog = {"string"}, resume = {"string"}, trace = {"string"}, report = {"string"}, backend = {"string"},
}
local FORMATS = {"tsv", "json", "csv", "lua", "raw"}
local RESUMES = {"done", "failed"}
local MOST_PARTITIONS = 65536
local MOST_SEED = 2 ^ 63 - 1024 -- the last float that is an integer of 64 bits

local job = {STDOUT = 1}

local function contains(list, value)
  for _, entry in ipairs(list) do
    if entry == value then return true end
  end
  return false
end

--- Has each field a type that it may have? True, or nil and what is wrong.
function job.check_types(fields)
  for name, value in pairs(fields) do
    local types = FIELDS[name]
    if not types then return nil, ("unknown field '%s'"):format(tostring(name)) end
    if not contains(types, type(value)) then
      return nil, ("'%s' must be a %s, got %s"):format(name, types[1], type(value))
    end
  end
  if not fields.map then return nil, "'map' must be a function, got nil" end
  return true
end

-- A descriptor is how the program itself names standard output.
local function check_output(fields)
  if type(fields.output) ~= "number" or fields.output == job.STDOUT then return true end
  return nil, "'output' must be a string, got number"
end

local function check_choice(fields, name, choices)
  local value = fields[name]
  if type(value) ~= "string" or contains(choices, value) then return true end
  return nil, ("'%s' must be one of %s, got '%s'"):format(name, table.concat(choices, ", "), value)
end

-- N of "top:N" is any number from 1 on.
local function is_top(name)
  local n = name:match("^top:(%d+)$")
  return n and #n < 10 and tonumber(n) > 0
end

local function check_combine(fields)
  if type(fields.combine) == "string" and is_top(fields.combine) then return true end
  if fields.combine == "top:N" then return nil, "N in combine = 'top:N' must be a number" end
  return check_choice(fields, "combine", COMBINERS)
end

local function check_whole(fields, name, least, most)
  local value = fields[name]
  most = most or 2 ^ 53
  if value == nil or (value >= least and value <= most and value == math.floor(value)) then return true end
  local range = least > -math.huge and (", at least %d"):format(least) or ""
  if value > most then range = (", at most %.0f"):format(most) end
  return nil, ("'%s' must be a whole number%s, got %s"):format(name, range, value)
end

local function check_memory(fields)
  if fields.memory == nil or size.bytes(fields.memory) then return true end
  return nil, ("'memory' must be a size such as '512M', got '%s'"):format(fields.memory)
end

local function check_time(fields)
  local timeout = fields.timeout
  if timeout == nil or timeout > 0 then return true end
  return nil, ("'timeout' must be a positive number of seconds, got %s"):format(timeout)
end

local function check_halt(fields)
  if halt.rule(fields.halt) then return true end
  return nil, ("'halt' must be now,fail=N, soon,fail=N (or N%%) or never, got '%s'"):format(fields.halt)
end

local function check_backend(fields)
  if fields.backend == nil or fields.backend == "local" then return true end
  return nil, ("there is no backend '%s' (local)"):format(fields.backend)
end

-- What failures cost, and what is written about a run.
local function check_running(fields)
  local ok, why = check_time(fields)
  if ok then ok, why = check_halt(fields) end
  if ok then ok, why = check_whole(fields, "skip_bad", 0, math.huge) end
  if ok then ok, why = check_whole(fields, "seed", -2 ^ 53, MOST_SEED) end
  if ok then ok, why = check_choice(fields, "resume", RESUMES) end
  if ok then ok, why = check_backend(fields) end
  return ok, why
end

local function check_all(fields)
  local ok, why = job.check_types(fields)
  if ok then ok, why = check_output(fields) end
  if ok then ok, why = check_combine(fields) end
  if ok then ok, why = check_whole(fields, "top", 1) end
  if ok then ok, why = check_whole(fields, "retries", 0, math.huge) end
  if ok then ok, why = check_whole(fields, "partitions", 1, MOST_PARTITIONS) end
  if ok then ok, why = check_whole(fields, "header", 1) end
  if ok then ok, why = check_whole(fields, "block", 1) end
  if ok then ok, why = check_memory(fields) end
  if ok then ok, why = check_choice(fields, "format", FORMATS) end
  if ok then ok, why = check_whole(fields, "workers", -math.huge) end
  if ok and fields.records == "" then ok, why = nil, "'records' must not be empty" end
  if ok and fields.sort and not SORTS[fields.sort] then
    ok, why = nil, ("'sort' must be key or value, with desc or without, got '%s'"):format(fields.sort)
  end
  if ok then ok, why = check_running(fields) end
  return ok, why
end

--- Is this the name of a way to combine?
function job.is_combiner(name)
  return is_top(name) or (name ~= "top:N" and contains(COMBINERS, name))
end

--- Is what a script returned meant as a job? It has a field of one, if not all
-- that it needs.
function job.is_meant(made)
  if type(made) ~= "table" then return false end
  for name in pairs(FIELDS) do
    if rawget(made, name) ~= nil then return true end
  end
  return false
end

-- What becomes of the pairs when nothing is combined or reduced: they are printed
-- as they come, or, when they are to be sorted, are results of their own.
local function prepare_map_only(made)
  local is_plain = not (made.combine or made.reduce)
  made.is_map_only = is_plain and not made.sort_by
  made.spreads = is_plain and not made.is_map_only
  made.tag = made.is_map_only and made.tag or nil
end

-- What comes but once, or is no file, cannot be found again by a later run.
local function check_journal(made)
  if not made.journal then return true end
  if made.is_map_only then
    return nil, "'journal' is for jobs that reduce; those that only map have 'joblog' and 'resume'"
  end
  if made.values or type(made.inputs) == "function" then return nil, "'journal' is for files" end
  for _, input in ipairs(made.inputs or {}) do
    if type(input) ~= "string" or input == "-" then return nil, "'journal' is for files" end
  end
  return true
end

local function holds(list, value)
  return type(list) == "table" and contains(list, value)
end

-- What an earlier run put out is not put out again, so the two must add up to the whole.
local function check_resume(made)
  if not made.resume then return true end
  if not made.joblog then return nil, "'resume' needs a 'joblog'" end
  if not made.is_map_only then return nil, "'resume' is for jobs that only map, without 'sort' and 'top'" end
  if type(made.output) == "string" then
    return nil, "'resume' goes on behind what was printed: use >> FILE instead of an output file"
  end
  if made.values or holds(made.inputs, "-") then return nil, "'resume' is for files" end
  return true
end

--- The job as the other modules want it, or nil and what is wrong with it.
-- Adds the fields sort_by ("key", "value" or nil) and descending, is_inline (no
-- workers: all runs here), is_map_only, spreads (every pair is a result) and is_timed
-- (workers tell when each split ran).
function job.prepare(fields)
  local ok, why = check_all(fields)
  if not ok then return nil, why end
  local made = {}
  for name, value in pairs(fields) do made[name] = value end
  start_method.check(made.start_method)
  made.records = made.records or "line"
  made.is_inline = made.workers == 0
  made.workers = made.is_inline and 1 or worker_count(made.workers)
  made.partitions = made.partitions or math.min(4 * made.workers, MOST_PARTITIONS)
  made.memory = size.bytes(made.memory)
  local sort = SORTS[made.sort or made.top and "value desc"] or {}
  made.sort_by, made.descending = sort[1], sort[2] or false
  local is_text = type(made.output) == "string" or type(made.output) == "number"
  made.format = is_text and (made.format or "tsv") or nil
  prepare_map_only(made)
  made.is_timed = made.joblog ~= nil or timeline.wanted(made)
  ok, why = check_resume(made)
  if ok then ok, why = check_journal(made) end
  if not ok then return nil, why end
  return made
end

return job
