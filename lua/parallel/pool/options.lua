--- options: check what a Pool is to be like, and fill in what is left out.
local check = require("parallel.base.check")
local start_method = require("parallel.process.start_method")
local worker_count = require("parallel.base.worker_count")

local OUTPUT = {"inherit", "tag", "ordered", "discard"}

local BACKENDS = {"local"}

-- Which types each may have.
local OPTIONS = {backend = "string",
                 tasks_per_worker = "number", memory_per_worker = "number or string",
                 retry_errors = "boolean",
                 seed = "number", nice = "number", pin = "boolean",
                 start_method = "string", workers = "number", initializer = "function", initargs = "table",
                 finalizer = "function", retries = "number", timeout = "number", name = "string",
                 output = "string", trace = "string", report = "string"}

local function check_ranges(options, number, name)
  check.whole_option(options, "workers", nil, number, name)
  check.whole_option(options, "retries", 0, number, name)
  check.whole_option(options, "seed", nil, number, name)
  check.whole_option(options, "nice", -20, number, name)
  check.whole_option(options, "tasks_per_worker", 1, number, name)
  check.size_option(options, "memory_per_worker", number, name)
  if options.memory_per_worker and rawget(_G, "jit") then
    check.fail(("bad argument #%d to '%s' (memory_per_worker is not available with LuaJIT)")
      :format(number, name))
  end
  check.time_option(options, "timeout", number, name)
  if options.initargs then check.count(options.initargs, "initargs", number, name) end
  check.choice_option(options, "output", OUTPUT, number, name)
  check.choice_option(options, "backend", BACKENDS, number, name)
  start_method.check(options.start_method)
end

local pool_options = {}

--- The options of a pool, given as a table, as the number of workers, or not at
-- all, in a table of its own with `workers` filled in (0: none). Raises at the
-- caller's line when they are wrong, as the argument of this number of the function of this name.
function pool_options.check(given, number, name)
  if given == nil then given = {} end
  if type(given) == "number" then given = {workers = given} end
  check.options(given, OPTIONS, number, name)
  local options = {}
  for option, value in pairs(given) do options[option] = value end
  check_ranges(options, number, name)
  options.workers = options.workers == 0 and 0 or worker_count(options.workers)
  if options.workers == 0 then options.tasks_per_worker = nil end -- there is none to replace
  return options
end

return pool_options
