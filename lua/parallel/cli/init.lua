--- cli: the program `parallel-lua`: arguments in, exit status out.
--
-- Exit status: 0 done; 1 the job failed; 2 wrong usage, a missing or bad job
-- file; 3 input or output error; 141 nobody reads the output any more.
local color = require("parallel.cli.color")
local deferred = require("parallel.base.deferred")
local exit = require("parallel.cli.exit")
local failure = require("parallel.base.failure")
local job_contract = require("parallel.mapreduce.job")
local mapreduce = require("parallel.mapreduce")
local oneline = require("parallel.cli.oneline")
local options = require("parallel.cli.options")
local parallel = require("parallel")
local settings = require("parallel.cli.settings")
local unpack = require("parallel.base.packing").unpack

local commands = deferred("parallel.cli.commands")
local plan = deferred("parallel.cli.plan")
local repl = deferred("parallel.cli.repl")

-- ---- the script -----------------------------------------------------------

local function load_script(path, arguments)
  local chunk, why = loadfile(path)
  if not chunk then exit.with(exit.USAGE, "%s", why) end
  arguments[0] = path
  _G.arg, _G.parallel, _G.counter = arguments, parallel, parallel.counter
  return chunk
end

-- The lines of the traceback that are the script's.
local function users_traceback()
  local kept = {"stack traceback:"}
  for line in debug.traceback("", 3):gmatch("\n(\t[^\n]+)") do
    if not line:find("^\tparallel/") and not line:find("^\t%[C%]") then kept[#kept + 1] = line end
  end
  return table.concat(kept, "\n")
end

-- A plain error of the script's becomes a Failure, with a traceback like the workers'.
local function with_traceback(value)
  if type(value) == "table" or tostring(value):match("interrupted$") then return value end
  return failure.new({kind = "error", message = tostring(value), traceback = users_traceback()})
end

local function call(f, ...)
  local results = {xpcall(f, with_traceback, ...)}
  if not results[1] then error(results[2], 0) end
  return results[2]
end

-- ---- the inputs -----------------------------------------------------------

local function read_all(path)
  local file, why = io.stdin, nil
  if path ~= "-" then file, why = io.open(path, "rb") end
  if not file then exit.with(exit.INPUT_OUTPUT, "cannot open '%s': %s", path, why:match("[^:]*$"):sub(2)) end
  local text
  text, why = file:read("*a")
  if path ~= "-" then file:close() end
  if not text then exit.with(exit.INPUT_OUTPUT, "cannot read '%s': %s", path, why) end
  return text
end

-- The names in a list, then those on the command line; nil when there is neither.
local function inputs_of(given, rest)
  if given["null"] and not given.inputs_from then exit.with(exit.USAGE, "-0 goes with -a (see --help)") end
  if not given.inputs_from then return #rest > 0 and rest or nil end
  local list = {}
  for name in read_all(given.inputs_from):gmatch(given["null"] and "[^%z]+" or "[^\n]+") do
    list[#list + 1] = name
  end
  for _, name in ipairs(rest) do list[#list + 1] = name end
  return list
end

-- ---- the job --------------------------------------------------------------

-- Messages about inputs, outputs and what is spilled, raised here or in a worker; those that emit
-- raises begin with a place.
local TROUBLE = {"^cannot open '", "^cannot read '", "^cannot write '", "^cannot write the ",
                 "^cannot spill to '", "cannot write a run", "cannot merge runs", "cannot write results"}
local NO_READER = "^cannot write the output: Broken pipe"

local function message_of(problem)
  local message = failure.is(problem, "error") and problem.message or problem
  return type(message) == "string" and message or ""
end

local function is_input_output(problem)
  for _, pattern in ipairs(TROUBLE) do
    if message_of(problem):match(pattern) then return true end
  end
  return false
end

local function run_job(job)
  local ok, result = pcall(mapreduce.run, job)
  if ok then return result end
  if message_of(result):match(NO_READER) then exit.quietly() end
  if is_input_output(result) then exit.with(exit.INPUT_OUTPUT, "%s", tostring(result)) end
  if message_of(result):match("^cannot use the journal ") then exit.with(exit.USAGE, "%s", result) end
  error(result, 0)
end

local function print_stats(result)
  for _, line in ipairs(result:report()) do io.stderr:write(line, "\n") end
end

local function describe(problem, is_quiet)
  local text = tostring(problem)
  if type(problem) == "table" and not getmetatable(problem) then
    text = "(error object is a table value)"
  end
  if failure.is(problem) and problem.traceback and problem.traceback ~= "" and not is_quiet then
    text = text .. "\n" .. problem.traceback
  end
  return text
end

local function complain(problem, given)
  local name = color.error("parallel-lua:", color.is_wanted(given.color))
  io.stderr:write(name, " ", describe(problem, given.quiet), "\n")
end

local function splits_text(count) return count == 1 and "1 split" or count .. " splits" end

-- What the result lacks makes it a failure.
local function check_whole(result)
  if #result.failures > 0 then exit.with(exit.FAILED, "%s failed", splits_text(#result.failures)) end
  if #result.skipped > 0 then exit.with(exit.FAILED, "%s skipped", splits_text(#result.skipped)) end
  if result.left_failed > 0 then
    exit.with(exit.FAILED, "%s failed in an earlier run, and %s left out (see --resume-failed)",
      splits_text(result.left_failed), result.left_failed == 1 and "was" or "were")
  end
end

-- The job of the script of that name as the options want it.
local function job_of(given, made, inputs, name)
  local job, why = settings.apply(made, given, inputs)
  if not job then exit.with(exit.USAGE, "%s: %s", name, why) end
  if not (job.inputs or job.values) then exit.with(exit.USAGE, "%s: no input files", name) end
  return job
end

local function print_plan(job)
  local ok, lines = pcall(plan.of_run, job)
  if not ok then exit.with(exit.INPUT_OUTPUT, "%s", tostring(lines)) end
  io.write(table.concat(lines, "\n"), "\n")
end

local function run_with(given, made, inputs, name)
  local job = job_of(given, made, inputs, name)
  if given.dry_run then return print_plan(job) end
  job.on_failure = function(failed) complain(failed, given) end
  local result = run_job(job)
  if given.stats and not given.quiet then print_stats(result) end
  result:close()
  check_whole(result)
end

-- Without files it reads standard input, as awk does.
local function run_one_line(given, rest)
  _G.parallel, _G.counter = parallel, parallel.counter
  oneline.set_globals(given)
  run_with(given, oneline.job(given), inputs_of(given, rest) or {"-"}, "-e")
end

-- As `...`, arguments stand on the stack, which for LuaJIT is small; all are in `arg`.
local MOST_ARGUMENTS = rawget(_G, "jit") and 7000 or math.huge

local ONLY_WITH_CODE = {["begin"] = "--begin", ["end"] = "--end", field_separator = "-F"}

local function run_script(given, rest)
  local path = table.remove(rest, 1)
  if not path then exit.with(exit.USAGE, "which script? (see --help)") end
  for field, name in pairs(ONLY_WITH_CODE) do
    if given[field] then exit.with(exit.USAGE, "%s goes with -e (see --help)", name) end
  end
  oneline.set_globals(given)
  local made = call(load_script(path, rest), unpack(rest, 1, math.min(#rest, MOST_ARGUMENTS)))
  if job_contract.is_meant(made) then run_with(given, made, inputs_of(given, rest), path) end
end

local function run_command(given, rest)
  local name = table.remove(rest, 1)
  commands[name](given, rest, load_script)
end

local function print_version() exit.saying(parallel._VERSION) end

-- The arguments are a one-line job's, a command's or a script's; or there are none, but
-- lines to be typed.
local function run(given, rest)
  if given.map and #given.map > 0 then
    run_one_line(given, rest)
  elseif options.is_command(rest[1]) then
    run_command(given, rest)
  elseif rest[1] or not given.interactive then
    run_script(given, rest)
  end
  if not given.interactive then return end
  _G.parallel = parallel
  repl.run(with_traceback, describe)
end

--- Run the program over its arguments (from index 1); returns the exit status.
return function(arguments)
  local given, rest = {}, nil
  local ok, outcome = pcall(function()
    given, rest = options.parse(arguments, print_version)
    run(given, rest)
  end)
  if ok then return exit.DONE end
  if tostring(outcome):match("interrupted$") then error(outcome, 0) end
  if exit.is(outcome) and outcome.quiet then return outcome.status end
  complain(outcome, given)
  return exit.is(outcome) and outcome.status or exit.FAILED
end
