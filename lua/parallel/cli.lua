--- cli: the program `parallel-lua`: arguments in, exit status out.
--
-- Exit status: 0 done; 1 the job failed; 2 wrong usage, a missing or bad job
-- file; 3 input or output error; 141 nobody reads the output any more.
local argparse = require("argparse")
local core = require("parallel.core")
local failure = require("parallel.failure")
local job_contract = require("parallel.job")
local mapreduce = require("parallel.mapreduce")
local parallel = require("parallel")
local repl = require("parallel.repl")
local unpack = require("parallel.packing").unpack

local DONE, FAILED, USAGE, INPUT_OUTPUT = 0, 1, 2, 3
local NO_READER = 128 + 13 -- as if by SIGPIPE
local EPIPE = 32

local SORTS = {key = "key", value = "value", ["-value"] = "value desc", ["-key"] = "key desc"}

-- An error that already knows its exit status.
local Exit = {}
Exit.__index = Exit
function Exit:__tostring() return self.message end

local function leave(status, ...)
  error(setmetatable({status = status, message = (...):format(select(2, ...))}, Exit), 0)
end

-- ---- arguments ------------------------------------------------------------

local function to_count(text)
  local n = tonumber(text)
  if n then return n end
  return nil, ("--top takes a number, got '%s'"):format(text)
end

local function new_parser()
  local parser = argparse("parallel-lua")
    :usage("Usage: parallel-lua [options] script.lua [arguments]")
    :description("Run a Lua script, or the map-reduce job that it returns over the files named after it.")
    :epilog("A job is a table with a function map(record, emit); see README.md.")
    :add_help("-h --help")
  parser:option("-j --jobs", "Worker processes: N, +N or -N (more or fewer than the processors), N%.")
    :argname("N")
  parser:option("--top", "Keep N pairs, those with the greatest values unless --sort says otherwise.")
    :argname("N"):convert(to_count)
  parser:option("--sort", "Order of the output: key (default), -key, value, -value, none."):argname("KEY")
  parser:option("-f --format", "Output as tsv (default) or json."):choices({"tsv", "json"})
    :default("tsv")
  parser:flag("--progress", "Show how far the job is, and its rate.")
  parser:flag("-i --interactive", "After the script, if there is one, run what is typed, line by line.")
  parser:flag("--version", "Print the version."):action(function()
    print(parallel._VERSION)
    os.exit(DONE)
  end)
  return parser
end

local TAKES_VALUE = {
  ["-j"] = true, ["--jobs"] = true, ["--top"] = true, ["--sort"] = true, ["-f"] = true,
  ["--format"] = true,
}

-- Our own options end at the script's name: what follows is the script's.
-- An option's value is joined to it, since it may begin with a dash itself.
local function split_arguments(arguments)
  local own, i = {}, 1
  while arguments[i] and arguments[i]:sub(1, 1) == "-" and arguments[i] ~= "-" do
    local option = arguments[i]
    if TAKES_VALUE[option] and arguments[i + 1] then
      i = i + 1
      option = option .. (option:sub(1, 2) == "--" and "=" or "") .. arguments[i]
    end
    own[#own + 1] = option
    i = i + 1
  end
  return own, arguments[i], {unpack(arguments, i + 1)}
end

local function parse(arguments)
  local own, script, rest = split_arguments(arguments)
  local ok, options = new_parser():pparse(own)
  if not ok then leave(USAGE, "%s (see --help)", options) end
  if not script and not options.interactive then leave(USAGE, "which script? (see --help)") end
  return options, script, rest
end

--- How many workers `-j text` means: N, +N, -N (relative to the processors), N%.
local function jobs_count(text)
  if not text then return nil end
  local sign, number, percent = text:match("^([+-]?)(%d+)(%%?)$")
  number = tonumber(number)
  if not number or (sign ~= "" and percent ~= "") then
    leave(USAGE, "-j takes N, +N, -N or N%%, got '%s'", text)
  end
  local processors = core.cpu_count()
  if percent ~= "" then number = math.floor(processors * number / 100 + 0.5) end
  if sign == "+" then number = processors + number end
  if sign == "-" then number = processors - number end
  return math.max(1, number)
end

-- ---- the script -----------------------------------------------------------

local function load_script(path, arguments)
  local chunk, why = loadfile(path)
  if not chunk then leave(USAGE, "%s", why) end
  arguments[0] = path
  _G.arg, _G.parallel = arguments, parallel
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

-- ---- the job --------------------------------------------------------------

local function job_of(made, path, options, inputs)
  local job = {}
  for name, value in pairs(made) do job[name] = value end
  job.workers = jobs_count(options.jobs) or job.workers
  job.top = options.top or job.top
  if options.sort and options.sort ~= "none" then
    job.sort = SORTS[options.sort] or
      leave(USAGE, "--sort takes key, -key, value, -value or none, got '%s'", options.sort)
  end
  if not job.sort and not job.top and options.sort ~= "none" then job.sort = "key" end
  job.progress = options.progress or job.progress
  job.format = options.format
  if #inputs > 0 then job.inputs = inputs end
  local ok, why = job_contract.prepare(job)
  if not ok then leave(USAGE, "%s: %s", path, why) end
  if not (job.inputs or job.values) then leave(USAGE, "%s: no input files", path) end
  return job
end

-- Messages about inputs and outputs, raised here or in a worker, begin so.
local TROUBLE = {"^cannot open '", "^cannot read '", "^cannot write "}

local function is_input_output(problem)
  local message = failure.is(problem, "error") and problem.message or problem
  for _, pattern in ipairs(TROUBLE) do
    if type(message) == "string" and message:match(pattern) then return true end
  end
  return false
end

local function run_job(job)
  local ok, result = pcall(mapreduce.run, job)
  if ok then return result end
  if is_input_output(result) then leave(INPUT_OUTPUT, "%s", tostring(result)) end
  error(result, 0)
end

local function write(result)
  local ok, why, errno = result:write(1)
  result:close()
  if errno == EPIPE then error(setmetatable({status = NO_READER, message = why, quiet = true}, Exit), 0) end
  if not ok then leave(INPUT_OUTPUT, "cannot write the output: %s", why) end
end

-- ---- errors ---------------------------------------------------------------

local function describe(problem)
  local text = tostring(problem)
  if type(problem) == "table" and not getmetatable(problem) then
    text = "(error object is a table value)"
  end
  if failure.is(problem) and problem.traceback and problem.traceback ~= "" then
    text = text .. "\n" .. problem.traceback
  end
  return text
end

-- ---- all of it ------------------------------------------------------------

local function run_script(options, path, rest)
  local script = load_script(path, rest)
  local made = call(script, unpack(rest))
  if job_contract.is_meant(made) then write(run_job(job_of(made, path, options, rest))) end
end

local function run(arguments)
  local options, path, rest = parse(arguments)
  if path then run_script(options, path, rest) end
  if options.interactive then
    _G.parallel = parallel
    repl(with_traceback, describe)
  end
  return DONE
end

--- Run the program over its arguments (from index 1); returns the exit status.
return function(arguments)
  local ok, outcome = pcall(run, arguments)
  if ok then return outcome end
  if tostring(outcome):match("interrupted$") then error(outcome, 0) end
  if getmetatable(outcome) == Exit and outcome.quiet then return outcome.status end
  io.stderr:write("parallel-lua: ", describe(outcome), "\n")
  return getmetatable(outcome) == Exit and outcome.status or FAILED
end
