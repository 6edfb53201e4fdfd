--- job: check that a map-reduce job keeps the contract, and fill in what it leaves out.
--
-- A job is a table of the fields below; `map` is required, and `combine` or
-- `reduce` (or both) say what becomes of the pairs that it emits.
local core = require("parallel.core")
local start_method = require("parallel.start_method")

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
  workers = {"number"}, progress = {"boolean", "function"}, format = {"string"},
  start_method = {"string"},
}

local job = {}

local function contains(list, value)
  for _, entry in ipairs(list) do
    if entry == value then return true end
  end
  return false
end

local function check_types(fields)
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

local function check_choice(fields, name, choices)
  local value = fields[name]
  if type(value) ~= "string" or contains(choices, value) then return true end
  return nil, ("'%s' must be one of %s, got '%s'"):format(name, table.concat(choices, ", "), value)
end

-- N of "top:N" is any number from 1 on.
local function check_combine(fields)
  local n = type(fields.combine) == "string" and fields.combine:match("^top:(%d+)$")
  if n and #n < 10 and tonumber(n) > 0 then return true end
  if fields.combine == "top:N" then return nil, "N in combine = 'top:N' must be a number" end
  return check_choice(fields, "combine", COMBINERS)
end

local function check_whole(fields, name, least)
  local value = fields[name]
  if value == nil or (value >= least and value == math.floor(value)) then return true end
  local range = least > -math.huge and (", at least %d"):format(least) or ""
  return nil, ("'%s' must be a whole number%s, got %s"):format(name, range, value)
end

local function check_all(fields)
  local ok, why = check_types(fields)
  if ok then ok, why = check_combine(fields) end
  if ok then ok, why = check_whole(fields, "top", 1) end
  if ok then ok, why = check_whole(fields, "retries", 0) end
  if ok then ok, why = check_whole(fields, "partitions", 1) end
  if ok and fields.workers == 0 then ok, why = nil, "'workers' must not be 0" end
  if ok then ok, why = check_whole(fields, "workers", -math.huge) end
  if ok and fields.records == "" then ok, why = nil, "'records' must not be empty" end
  if ok and not (fields.combine or fields.reduce) then
    ok, why = nil, "a job needs 'combine' or 'reduce'"
  end
  if ok and fields.sort and not SORTS[fields.sort] then
    ok, why = nil, ("'sort' must be key or value, with desc or without, got '%s'"):format(fields.sort)
  end
  return ok, why
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

--- How many workers `n` asks for: nil all processors, -1 all, -2 all but one ...
function job.workers(n)
  if n == nil then return core.cpu_count() end
  return n > 0 and n or math.max(1, core.cpu_count() + 1 + n)
end

--- The job as the other modules want it, or nil and what is wrong with it.
-- Adds the fields sort_by ("key", "value" or nil) and descending.
function job.prepare(fields)
  local ok, why = check_all(fields)
  if not ok then return nil, why end
  local made = {}
  for name, value in pairs(fields) do made[name] = value end
  start_method.check(made.start_method)
  made.records = made.records or "line"
  made.workers = job.workers(made.workers)
  made.partitions = made.partitions or 4 * made.workers
  local sort = SORTS[made.sort or made.top and "value desc"] or {}
  made.sort_by, made.descending = sort[1], sort[2] or false
  return made
end

return job
